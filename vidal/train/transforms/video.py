"""Clips: which of their frames are seen, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from vidal.train.transforms.pictures import planes_of
from vidal.train.transforms.square import centre, cropped, normalised, scaled, scaled_size


def frame_indices(total: int, wanted: int) -> np.ndarray:
    """Which of `total` frames (at least one) stand for a clip: int64 [wanted], evenly from the first to the last,
    rounded down; frames of a shorter clip repeat."""
    return np.linspace(0, total - 1, wanted).astype(np.int64)


@dataclass(frozen=True)
class View:
    """Which square of a scaled clip is seen, and whether it is mirrored."""

    top: int
    left: int
    mirrored: bool


@dataclass(frozen=True)
class VideoTransform:
    """The shorter side to `side`, bilinear without a filter against aliasing, a square, CLIP's colours.

    Without a generator the square is the middle one. With one, `crop` says whether it is drawn (`random`, for training)
    or not (`centre`), and the clip is mirrored with the probability `flip`: `centre` with a generator is the published
    processor, which mirrors at inference too. All frames of a clip are cut and mirrored alike.
    """

    side: int = 224
    crop: Literal["random", "centre"] = "random"
    flip: float = 0.5

    def __call__(self, frames: np.ndarray, rng: np.random.Generator | None = None) -> torch.Tensor:
        """Frames uint8 [T, H, W, 3] to float32 [3, T, side, side]; SampleError `TooNarrow` as PictureTransform."""
        return self.batch(torch.tensor(frames)[None], [self.view(*frames.shape[1:3], rng)])[0]

    def view(self, height: int, width: int, rng: np.random.Generator | None = None) -> View:
        """What is drawn of a clip of that size."""
        size = scaled_size(height, width, self.side, quotient_first=True)
        if rng is None or self.crop == "centre":
            top, left = (centre(length, self.side) for length in size)
        else:
            top, left = (int(rng.integers(0, length - self.side, endpoint=True)) for length in size)
        return View(top, left, rng is not None and rng.random() < self.flip)

    def batch(self, clips: torch.Tensor, views: Sequence[View]) -> torch.Tensor:
        """Clips of one size, uint8 [n, T, H, W, 3], each by its view, to float32 [n, 3, T, side, side] on their
        device."""
        size = scaled_size(*clips.shape[2:4], self.side, quotient_first=True)
        planes = scaled(planes_of(clips.flatten(0, 1)), size, "bilinear").unflatten(0, clips.shape[:2])
        squares = [self._seen(clip, view) for clip, view in zip(planes, views, strict=True)]
        return normalised(torch.stack(squares), 255).transpose(1, 2).contiguous()

    def _seen(self, clip: torch.Tensor, view: View) -> torch.Tensor:
        square = cropped(clip, view.top, view.left, self.side)
        return square.flip(-1) if view.mirrored else square
