"""What a sample shows, as one small JPEG per layer: keyframes side by side, depth in colours, infrared, the sound."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from vidal.engine.errors import SampleError
from vidal.filter.explain.pictures import sound_picture
from vidal.media.depth_png import decode_depth
from vidal.media.images import decode_image, encode_jpeg

HEIGHT, WIDEST = 120, 240
QUALITY = 72
LAYERS = {
    "frames": re.compile(r"frm\d{1,3}\.jpg|jpe?g|png|webp", re.ASCII),
    "depth": re.compile(r"dep\d{1,3}\.png", re.ASCII),
    "infrared": re.compile(r"tml\d{1,3}\.jpg", re.ASCII),
    "sound": re.compile(r"flac"),
}
"""The members each layer is made of."""
TURBID = np.array(
    [[255, 247, 188], [254, 196, 79], [236, 112, 54], [190, 46, 102], [107, 25, 120], [38, 14, 82], [10, 8, 30]],
    np.float64,
)
"""Colours of depth, from the nearest to the farthest."""


def layer_members(layer: str, names: Iterable[str]) -> list[str]:
    """The members of a layer in order of their numbers, at most 16."""
    found = [name for name in names if LAYERS[layer].fullmatch(name)]
    return sorted(found, key=lambda name: (len(name), name))[:16]


def strip(layer: str, contents: list[bytes], inverse: bool = False) -> tuple[bytes, int]:
    """A JPEG of pictures of one width beside each other, and how many they are. `inverse`: of depth, the greater the
    nearer. SampleError for what does not decode."""
    if layer == "sound":
        return sound_picture(contents[0]), 1
    read: Callable[[bytes], np.ndarray] = (
        (lambda data: coloured(decode_depth(data), inverse)) if layer == "depth" else decode_image
    )
    pictures = [_scaled(read(content)) for content in contents]
    width = pictures[0].shape[1]
    if any(one.shape[1] != width for one in pictures):
        raise SampleError("DecodeFailed", "pictures of one sample that are of different shapes")
    return encode_jpeg(np.concatenate(pictures, axis=1), QUALITY), len(pictures)


def is_inverse(record: Mapping[str, Any]) -> bool:
    """Whether the depth of a sample, by its record, is the greater the nearer."""
    depth = record.get("depth")
    return isinstance(depth, dict) and depth.get("kind") == "inverse"


def coloured(depth: np.ndarray, inverse: bool) -> np.ndarray:
    """uint16 [H, W] in colours, uint8 [H, W, 3], the nearest brightest: from the 2nd to the 98th percentile of what is
    known; 0 is unknown where values are distances, and darkest."""
    values = depth.astype(np.float64)
    known = np.ones(depth.shape, bool) if inverse else depth > 0
    if not known.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    low, high = np.percentile(values[known], [2, 98])
    far = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    far = np.where(known, 1 - far if inverse else far, 1.0) * (len(TURBID) - 1)
    return np.stack([np.interp(far, range(len(TURBID)), TURBID[:, c]) for c in range(3)], axis=2).astype(np.uint8)


def _scaled(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    width = min(WIDEST, max(1, round(picture.shape[1] * HEIGHT / picture.shape[0])))
    return np.asarray(Image.fromarray(picture).resize((width, HEIGHT), Image.Resampling.BILINEAR))
