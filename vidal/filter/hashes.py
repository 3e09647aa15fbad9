"""`filter/hashes`: a perceptual hash of each keyframe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.quality import LUMA
from vidal.media.images import decode_image

BITS = 64
SIDE = 32
"""Pixels on a side of the picture that is hashed: Zauner's DCT hash (Implementation and Benchmarking of Perceptual
Image Hash Functions, 2010, section 3.2.1)."""
BLANK_LEVELS = 1.0
"""Root mean square, in levels of 255, of all that the hash looks at, under which a picture shows nothing."""
BLANK = np.uint64(0)
"""The hash of a picture that shows nothing."""


class FrameHashes(Step):
    """`frame_hashes`: one 64-bit hash per keyframe, in their order, 0 for a picture that shows nothing.

    Pictures that show the same differ in few bits, whatever their encoding, size, brightness or contrast.
    """

    name = "filter/hashes"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    columns = {"frame_hashes": pa.list_(pa.uint64())}
    unpublished = ("frame_hashes",)
    resources = Resources(batch_size=16)

    def settings(self) -> Mapping[str, Any]:
        return {"bits": BITS, "side": SIDE, "blank_levels": BLANK_LEVELS}

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [frame_hash(decode_image(sample.members[name])) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [sample.ok({"frame_hashes": sample.prepared}) for sample in samples]


def frame_hash(rgb: np.ndarray) -> int:
    """The hash of a picture, uint8 [H, W, 3]: the signs of the 64 lowest frequencies, the mean left out, of the cosine
    transform of its luma at 32 × 32.

    A sign needs no median to compare with, so the hash of a mirrored picture is `hash ^ MIRRORED`, or nearly.
    """
    from PIL import Image

    luma = Image.fromarray(rgb.astype(np.float32) @ LUMA).resize((SIDE, SIDE), Image.Resampling.BOX)
    cosines = _cosines()
    rows, columns = _frequencies()
    found = (cosines @ np.asarray(luma, np.float64) @ cosines.T)[rows, columns]
    if np.sqrt(np.square(found).sum()) / SIDE < BLANK_LEVELS:
        return int(BLANK)
    return sum(1 << bit for bit in np.flatnonzero(found > 0).tolist())


@cache
def _frequencies() -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each bit's frequency, from low to high: by their sum, then by row."""
    places = sorted(((u, v) for u in range(SIDE) for v in range(SIDE)), key=lambda place: (sum(place), place))
    rows, columns = np.array(places[1 : BITS + 1]).T
    return rows, columns


@cache
def _cosines() -> np.ndarray:
    """The orthonormal cosine transform (DCT-II) of 32 values, [32, 32] with a frequency a row."""
    at = (np.arange(SIDE) + 0.5) * np.pi / SIDE
    rows = np.cos(np.arange(SIDE)[:, None] * at) * np.sqrt(2 / SIDE)
    rows[0] /= np.sqrt(2)
    return rows


MIRRORED = np.uint64(sum(1 << bit for bit in np.flatnonzero(_frequencies()[1] % 2).tolist()))
"""The bits that a mirror, left for right, turns over: those of odd frequencies across the picture."""
