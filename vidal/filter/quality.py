"""`filter/quality`: facts of a clip's pictures that need no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.media.images import decode_image

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue (ITU-R BT.601, section 2.5.1)."""
GRID = 16
"""Cells on a side of the grid in which motion is measured: a small thing that moves changes the mean of a whole picture
less than noise does."""
DARK, DARK_SHARE = 0.10, 0.98
"""A picture is black if this share of its pixels is no brighter (the defaults of ffmpeg's blackdetect)."""
BLANK = 0.02
"""Standard deviation of luma under which a picture is of one colour. Our choice."""
STILL = 0.02
"""Change of no cell above which two pictures are the same but for their coding. Our choice: in H.264 of CRF 23 and 38,
neighbours of still clips of the demo world change by 0.007 at most, those of moving ones by 0.07 at least."""
CUT = 0.5
"""Share of the pixels that must have changed their colour for a cut. Our choice: in the demo world motion changes 0.04
at most, panning over half of a picture 0.17."""
LAYOUT = 0.95
"""Correlation of two pictures' cells from which they show the same in another light, however many colours change. Our
choice: cuts between scenes of the demo world reach 0.93; of moving neighbours whose light changes so that their colours
tell a cut, 81 % reach 0.95. The others, where much moves and the light changes too, are taken for cuts."""
BLUR = 9
"""Pixels over which pictures are blurred to see what that changes (Crete et al. 2007, section 2.2)."""


class Quality(Step):
    """Facts of the keyframes, all but the last from 0 to 1.

    `motion`: the largest mean luma change of any cell of a 16 × 16 grid between neighbours. `brightness`: mean luma.
    `black_share`: share of the keyframes that are black or of one colour. `sharpness`: 1 less the blur of the middle
    one, null where all are blank. `still_share`: share of the neighbours that show the same, null for one keyframe.
    `shots`: one more than the cuts between neighbours; what lies between two of the few keyframes is not seen.
    """

    name = "filter/quality"
    version = 2
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    columns = {
        "motion": pa.float32(),
        "brightness": pa.float32(),
        "black_share": pa.float32(),
        "sharpness": pa.float32(),
        "still_share": pa.float32(),
        "shots": pa.int32(),
    }
    resources = Resources(batch_size=16)

    def settings(self) -> Mapping[str, Any]:
        return {
            "grid": GRID, "dark": [DARK, DARK_SHARE], "blank": BLANK, "still": STILL, "cut": CUT,
            "layout": LAYOUT, "blur": BLUR,
        }  # fmt: skip

    def prepare(self, sample: Sample) -> None:
        sample.prepared = scores([decode_image(sample.members[name]) for name in sorted(sample.members)])

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [sample.ok(sample.prepared) for sample in samples]


def scores(frames: Sequence[np.ndarray]) -> dict[str, float | int | None]:
    """The columns of a clip's keyframes, uint8 [H, W, 3] of one size, at least one."""
    luma = np.stack([frame.astype(np.float32) @ LUMA for frame in frames]) / 255
    changes = cell_changes(luma)
    blank = [is_blank(picture) for picture in luma]
    sharp = [sharpness(picture) for picture, nothing in zip(luma, blank, strict=True) if not nothing]
    return {
        "motion": float(changes.max(initial=0.0)),
        "brightness": float(luma.mean()),
        "black_share": float(np.mean(blank)),
        "sharpness": float(np.median(sharp)) if sharp else None,
        "still_share": float(np.mean(changes < STILL)) if len(changes) else None,
        "shots": 1 + cuts(frames),
    }


def cell_changes(luma: np.ndarray) -> np.ndarray:
    """For each pair of neighbours of luma [n, H, W] in 0..1, the mean change of the cell that changed most: [n - 1]."""
    return _cells(np.abs(np.diff(luma, axis=0))).max((1, 2))


def _cells(layers: np.ndarray) -> np.ndarray:
    """The mean of every cell of the grid, of layers [n, H, W]: [n, rows, columns]; pixels past the last whole cell are
    left out."""
    height, width = (max(1, size // GRID) for size in layers.shape[1:])
    whole = layers[:, : height * GRID, : width * GRID]
    rows, columns = whole.shape[1] // height, whole.shape[2] // width
    return whole.reshape(len(whole), rows, height, columns, width).mean((2, 4))


def is_blank(luma: np.ndarray) -> bool:
    """Whether a picture, luma [H, W] in 0..1, is black or of one colour."""
    return bool(np.mean(luma <= DARK) >= DARK_SHARE or luma.std() < BLANK)


def sharpness(luma: np.ndarray) -> float:
    """1 less the blur of a picture, luma [H, W]: how much of the change from pixel to pixel a blur takes away, along
    the axis where it takes less (Crete et al., The blur effect, SPIE 6492, 2007). The picture is not blank."""
    return 1 - max(_blur(luma), _blur(luma.T))


def _blur(luma: np.ndarray) -> float:
    """The blur along the first axis: of a mean over BLUR pixels, the change from one to the next is that between the
    pixels that leave and enter it."""
    padded = np.pad(luma, ((BLUR // 2, BLUR // 2), (0, 0)), mode="edge")
    sharp, soft = np.abs(np.diff(luma, axis=0)), np.abs(padded[BLUR:] - padded[:-BLUR]) / BLUR
    whole = float(sharp.sum(dtype=np.float64))
    lost = float(np.maximum(0, sharp - soft).sum(dtype=np.float64))
    return (whole - lost) / whole if whole else 1.0


def cuts(frames: Sequence[np.ndarray]) -> int:
    """How many neighbours, uint8 [H, W, 3] of one size, are of different shots: both their colours and their layout
    differ. What moves keeps its colours; what is lit otherwise keeps its layout."""
    changes = zip(colour_changes(frames), pairwise(frames), strict=True)
    return sum(change > CUT and likeness(*pair) < LAYOUT for change, pair in changes)


def colour_changes(frames: Sequence[np.ndarray]) -> list[float]:
    """For each pair of neighbours the share of the pixels of one that find none of their colour in the other: 1 less
    the intersection of their histograms (Swain and Ballard 1991)."""
    histograms = [_histogram(frame) for frame in frames]
    return [1 - float(np.minimum(one, other).sum()) for one, other in pairwise(histograms)]


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of the cells of two pictures, each channel less its mean; 0 where one is of one colour."""
    first, second = (_cells(np.moveaxis(picture, 2, 0).astype(np.float64)) for picture in (one, other))
    first, second = (cells - cells.mean((1, 2), keepdims=True) for cells in (first, second))
    spread = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float((first * second).sum()) / spread if spread else 0.0


def _histogram(picture: np.ndarray) -> np.ndarray:
    """The share of the pixels in each of 8 × 8 × 8 colours."""
    shades = (picture >> 5).astype(np.uint16)
    found = np.bincount((shades[..., 0] << 6 | shades[..., 1] << 3 | shades[..., 2]).ravel(), minlength=512)
    return found / found.sum()
