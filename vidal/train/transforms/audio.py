"""Sounds, as pictures of their spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch

from vidal.engine.errors import SampleError
from vidal.train.transforms.filter_banks import HOP, RATE, WINDOW, frame_count, log_mel
from vidal.train.transforms.resample import resampled

Fill = Literal["tile", "pad"]


@dataclass(frozen=True)
class AudioTransform:
    """A sound as a map of `mels` bands by `frames` frames of 10 ms, three of them as the channels of a picture.

    Of a sound that is longer, each channel is one window: of the first, the middle and the last third of where a window
    can begin. Training draws the three; evaluation takes the middle of each third, where the published processor draws
    too. A shorter sound is the same in all channels: repeated to the end (`tile`), or as often as it fits whole, the
    rest being `mean`, which is 0 for the tower (`pad`; the paper says repeated and padded with zeros, section 3.1, and
    not where the zeros stand).
    """

    mels: int = 112
    frames: int = 1036
    mean: float = -4.2677393
    std: float = 4.5689974
    fill: Fill = "tile"

    def __call__(self, waves: np.ndarray, rate: int, rng: np.random.Generator | None = None) -> torch.Tensor:
        """Float waves [channels, n] in -1..1 at `rate` Hz, of which the first channel is heard once the mean over all
        is taken away, to float32 [3, mels, frames] by (log power - mean) / (2 std).

        SampleError `TooShort` below 25 ms, `NotFinite`, or `Unsupported` for a rate that is not read.
        """
        waves = np.asarray(waves, np.float32)
        if not np.isfinite(waves).all():
            raise SampleError("NotFinite", "a sound with samples that are no numbers")
        waves = resampled(waves, rate, RATE)
        count = frame_count(waves.shape[1])
        if not count:
            raise SampleError("TooShort", f"a sound of {waves.shape[1]} samples at {RATE} Hz; {WINDOW} make a frame")
        heard = torch.from_numpy(waves[0] - waves.mean(dtype=np.float64).astype(np.float32))
        return self._picture(heard.unfold(0, WINDOW, HOP), rows(count, self.frames, self.fill, rng))

    def _picture(self, frames: torch.Tensor, wanted: np.ndarray) -> torch.Tensor:
        """The rows `wanted` of the spectrum, as `rows` gives them; each is computed once."""
        needed, places = np.unique(wanted, return_inverse=True)
        bands = log_mel(frames[torch.from_numpy(needed.clip(min=0))], self.mels)
        bands = bands.sub_(self.mean).div_(2 * self.std)
        bands[torch.from_numpy(needed < 0)] = 0.0
        return bands[torch.from_numpy(places.reshape(wanted.shape))].transpose(1, 2).contiguous()


PUBLISHED = AudioTransform()
"""The maps of the published checkpoints."""
CODE = AudioTransform(mels=126)
"""The maps of the original's training script."""
PAPER = AudioTransform(mels=128, frames=998, fill="pad")
"""The maps of the paper: 128 bands and 10 s, which hold 998 whole frames."""


def rows(count: int, length: int, fill: Fill, rng: np.random.Generator | None) -> np.ndarray:
    """Which of `count` frames (at least one) stand in each channel: int64 [3, length], -1 where none does."""
    if count <= length:
        row = np.arange(length) % count
        if fill == "pad":
            row[length // count * count :] = -1
        return np.tile(row, (3, 1))
    starts = [_start(places, rng) for places in thirds(count, length)]
    return np.array(starts)[:, None] + np.arange(length)


def _start(places: range, rng: np.random.Generator | None) -> int:
    return places[(len(places) - 1) // 2 if rng is None else int(rng.integers(len(places)))]


def thirds(count: int, length: int) -> tuple[range, range, range]:
    """Where windows of `length` among more frames than that may begin: three runs that follow each other, of near equal
    length, the earlier ones taking what is left over. Where there are fewer than three places, the empty ones are the
    first place."""
    places = count - length + 1
    ends = [places // 3 * part + min(part, places % 3) for part in range(4)]
    first, middle, last = (range(start, end) or range(1) for start, end in pairwise(ends))
    return first, middle, last
