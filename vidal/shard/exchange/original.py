"""Depth, texts and ids as VIDAL-10M's trainer reads them, whichever of its two layouts they go to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vidal.shard.exchange.reading import FRAMES, Taken

OPENING = "In the video, "
"""How the trainer's shards have `polish_mplug` begin; its loader asserts this and cuts it off. The annotation file has
the text without it."""
MILLIMETRES = 1000.0


def millimetres(png: bytes, depth: Mapping[str, Any]) -> np.ndarray:
    """A depth map as uint16 [H, W] in millimetres. `depth` is the record's, of kind `metric`."""
    from vidal.media.depth_png import decode_depth

    pixels = decode_depth(png)
    scale, offset = float(depth["scale"]) * MILLIMETRES, float(depth["offset"]) * MILLIMETRES
    if (scale, offset) == (1.0, 0.0):
        return pixels
    return np.clip(np.rint(pixels * scale + offset), 0, np.iinfo(np.uint16).max).astype(np.uint16)


def metric(sample: Taken) -> Mapping[str, Any] | None:
    """The record's description of depth where it is in metres; of any other the trainer can make nothing."""
    depth = sample.record.get("depth")
    return depth if isinstance(depth, dict) and depth.get("kind") == "metric" else None


def keyframe_captions(sample: Taken) -> list[str] | None:
    """The captions of the keyframes; None unless there is one for each."""
    found = [sample.text(f"ofa{number}") for number in range(FRAMES)]
    return [text for text in found if text] if all(found) else None


def bare(text: str) -> str:
    """A refined caption as the annotation file has it: without its opening."""
    return text.removeprefix(OPENING)


def opened(text: str) -> str:
    """A refined caption as the shards have it: with its opening."""
    return text if text.startswith(OPENING) else OPENING + text
