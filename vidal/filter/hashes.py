"""`filter/hashes`: a perceptual hash of each keyframe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.media.images import decode_image

GRID = 9
"""Cells on a side. Odd, so that what stands in the middle of a picture fills a cell and is not cut by a border."""
LUMA_LEVELS = (2, 6, 18, 54)
CHROMA_LEVELS = (1, 3, 9, 27)
"""The steps, in levels of 255, that a difference of neighbouring cells passes, up or down; a bit each."""
PLANES = (LUMA_LEVELS, CHROMA_LEVELS, CHROMA_LEVELS)
DIFFERENCES = 2 * GRID * (GRID - 1)
BITS = DIFFERENCES * sum(2 * len(levels) for levels in PLANES)
BYTES = BITS // 8
FRAME_HASH = pa.binary(BYTES)


class FrameHashes(Step):
    """`frame_hashes`: one hash of 3456 bits per keyframe, in their order.

    How far two pictures are apart is the share of the bits set in either of two hashes that are not set in both. It is
    small for pictures that show the same, whatever their encoding and size, and little changed by a crop of some per
    cent or a logo in a corner, which touches few cells.
    """

    name = "filter/hashes"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    columns = {"frame_hashes": pa.list_(FRAME_HASH)}
    unpublished = ("frame_hashes",)
    resources = Resources(batch_size=16)

    def settings(self) -> Mapping[str, Any]:
        return {"grid": GRID, "levels": PLANES}

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [frame_hash(decode_image(sample.members[name])) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [sample.ok({"frame_hashes": sample.prepared}) for sample in samples]


def frame_hash(rgb: np.ndarray) -> bytes:
    """The hash of a picture, uint8 [H, W, 3]: of luma and both chroma at 9 × 9 cells, the differences of cells side by
    side and of cells one above the other, each told by how many steps it passes upwards and how many downwards.

    A picture that shows nothing has no bit set. Differences and not values, so that light and tint do not count;
    small ones are no bit, so that noise does not count either.
    """
    from PIL import Image

    cells = Image.fromarray(rgb).convert("YCbCr").resize((GRID, GRID), Image.Resampling.BOX)
    planes = np.asarray(cells, np.int16).transpose(2, 0, 1)
    bits = []
    for plane, levels in zip(planes, PLANES, strict=True):
        found = np.concatenate([np.diff(plane, axis=1).ravel(), np.diff(plane, axis=0).ravel()])
        bits += [found >= level for level in levels] + [-found >= level for level in levels]
    return np.packbits(np.concatenate(bits)).tobytes()


def mirrored(hashes: np.ndarray) -> np.ndarray:
    """The hashes, uint8 [n, BYTES], of the same pictures with left and right exchanged, but for rounding."""
    return np.packbits(np.take(np.unpackbits(hashes, axis=1), _mirror(), axis=1), axis=1)


@cache
def _mirror() -> np.ndarray:
    """Which bit of a hash stands in each place of that of the mirrored picture, [BITS]."""
    side = np.arange(GRID * (GRID - 1)).reshape(GRID, GRID - 1)[:, ::-1].ravel()
    above = side.size + np.arange(GRID * (GRID - 1)).reshape(GRID - 1, GRID)[:, ::-1].ravel()
    places = []
    start = 0
    for levels in PLANES:
        count = len(levels)
        for number in range(2 * count):
            turned = (number + count) % (2 * count)
            places += [start + turned * DIFFERENCES + side, start + number * DIFFERENCES + above]
        start += 2 * count * DIFFERENCES
    return np.concatenate(places)
