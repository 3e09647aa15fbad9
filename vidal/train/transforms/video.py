"""Clips: which of their frames are seen, and how."""

from __future__ import annotations

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
        size = scaled_size(*frames.shape[1:3], self.side, quotient_first=True)
        planes = scaled(planes_of(frames), size, "bilinear")
        square = cropped(planes, *self._corner(planes.shape[-2:], rng), self.side)
        if rng is not None and rng.random() < self.flip:
            square = square.flip(-1)
        return normalised(square, 255).transpose(0, 1).contiguous()

    def _corner(self, size: torch.Size, rng: np.random.Generator | None) -> tuple[int, ...]:
        if rng is None or self.crop == "centre":
            return tuple(centre(length, self.side) for length in size)
        return tuple(int(rng.integers(0, length - self.side, endpoint=True)) for length in size)
