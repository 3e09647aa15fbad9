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
Starts = tuple[int, int, int]


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
        wave = heard(waves, rate)
        return self.picture(torch.from_numpy(wave), starts(frame_count(len(wave)), self.frames, rng))

    def picture(self, wave: torch.Tensor, begun: Starts) -> torch.Tensor:
        """A sound as `heard` gives it, float32 [n], to float32 [3, mels, frames] on its device; a row of the spectrum
        that stands in several channels is computed once."""
        wanted = rows(frame_count(len(wave)), self.frames, self.fill, begun)
        needed, places = np.unique(wanted, return_inverse=True)
        taken, silent, placed = (
            torch.from_numpy(one).to(wave.device)
            for one in (needed.clip(min=0), needed < 0, places.reshape(wanted.shape))
        )
        bands = log_mel(wave.unfold(0, WINDOW, HOP)[taken], self.mels)
        bands = bands.sub_(self.mean).div_(2 * self.std)
        bands[silent] = 0.0
        return bands[placed].transpose(1, 2).contiguous()


PUBLISHED = AudioTransform()
"""The maps of the published checkpoints."""
CODE = AudioTransform(mels=126)
"""The maps of the original's training script."""
PAPER = AudioTransform(mels=128, frames=998, fill="pad")
"""The maps of the paper: 128 bands and 10 s, which hold 998 whole frames."""


def heard(waves: np.ndarray, rate: int) -> np.ndarray:
    """What is looked at of waves [channels, n]: float32 [m] at RATE. SampleError as `AudioTransform`."""
    waves = np.asarray(waves, np.float32)
    if not np.isfinite(waves).all():
        raise SampleError("NotFinite", "a sound with samples that are no numbers")
    waves = resampled(waves, rate, RATE)
    if not frame_count(waves.shape[1]):
        raise SampleError("TooShort", f"a sound of {waves.shape[1]} samples at {RATE} Hz; {WINDOW} make a frame")
    return waves[0] - waves.mean(dtype=np.float64).astype(np.float32)


def rows(count: int, length: int, fill: Fill, begun: Starts) -> np.ndarray:
    """Which of `count` frames (at least one) stand in each channel: int64 [3, length], -1 where none does. `begun` are
    those that `starts` gives."""
    if count > length:
        return np.array(begun)[:, None] + np.arange(length)
    row = np.arange(length) % count
    if fill == "pad":
        row[length // count * count :] = -1
    return np.tile(row, (3, 1))


def starts(count: int, length: int, rng: np.random.Generator | None) -> Starts:
    """Where the windows of `length` in the three channels begin, of a sound that has more frames; else at 0."""
    if count <= length:
        return 0, 0, 0
    first, middle, last = (_start(places, rng) for places in thirds(count, length))
    return first, middle, last


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
