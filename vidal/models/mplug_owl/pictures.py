"""Frames to what an mPLUG-Owl sees: squares of one size, normalised as CLIP's pictures are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def squashed(frame: np.ndarray, side: int) -> np.ndarray:
    """A frame uint8 [H, W, 3] as uint8 [side, side, 3], its aspect not kept; bicubic, as Pillow does it.

    So the published code treats pictures for a network without temporal modules, and, by another scaler, the frames of
    clips.
    """
    return _resized(frame, side, side)


def cropped(frame: np.ndarray, side: int) -> np.ndarray:
    """The middle of a frame whose shorter side is brought to `side`; bicubic, as Pillow does it.

    So the published code treats pictures for a network with temporal modules.
    """
    height, width = frame.shape[:2]
    short = min(height, width)
    resized = _resized(frame, int(side * height / short), int(side * width / short))
    top, left = (resized.shape[0] - side) // 2, (resized.shape[1] - side) // 2
    return resized[top : top + side, left : left + side]


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures uint8 [..., H, W, 3] as float32 [..., 3, H, W]."""
    mean, deviation = (torch.tensor(values, device=pictures.device) for values in (_MEAN, _DEVIATION))
    return ((pictures.float() / 255 - mean) / deviation).movedim(-1, -3)


def thinned(frames: Sequence[np.ndarray], most: int) -> list[np.ndarray]:
    """The frames, or `most` of them where there are more; a single one twice, since a clip has two or more."""
    if len(frames) > most:
        return [frames[index] for index in frame_indices(len(frames), most)]
    return [*frames, *frames] if len(frames) == 1 else list(frames)


def frame_indices(total: int, wanted: int) -> list[int]:
    """Which of `total` frames the published code takes; the last is seldom among them."""
    segment = (total - 1) / wanted
    return [int(segment / 2) + round(segment * index) for index in range(wanted)]


def _resized(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.array(Image.fromarray(np.asarray(frame)).resize((width, height), Image.Resampling.BICUBIC))
