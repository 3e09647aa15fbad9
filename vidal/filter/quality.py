"""`filter/quality`: facts of pictures and sound that need no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.media.images import decode_image
from vidal.media.sound import decode_audio

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue (ITU-R BT.601, section 2.5.1)."""
SILENCE_DBFS = -60.0
"""Level under which a window counts as silent. Our choice: the paper gives no audio threshold."""
WINDOW_SECONDS = 0.05
GRID = 16


class Quality(Step):
    """`motion`: the largest mean luma change of any cell of a 16 × 16 grid between neighbouring keyframes;
    `brightness`: mean luma, both of 0 to 1; `silence`: share of 50 ms windows under -60 dBFS. Null where there is no
    picture or no sound. A cell, since a small thing that moves changes the mean of a picture less than noise does."""

    name = "filter/quality"
    reads = (Read("harvest/media", members=("frm*.jpg", "flac")),)
    columns = {"motion": pa.float32(), "brightness": pa.float32(), "silence": pa.float32()}
    resources = Resources(batch_size=16)

    def settings(self) -> Mapping[str, Any]:
        return {"silence_dbfs": SILENCE_DBFS, "window": WINDOW_SECONDS, "grid": GRID}

    def prepare(self, sample: Sample) -> None:
        frames = [decode_image(sample.members[name]) for name in sorted(sample.members) if name != "flac"]
        sound = decode_audio(sample.members["flac"]) if "flac" in sample.members else None
        sample.prepared = {**picture_scores(frames), "silence": silence_share(*sound) if sound else None}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [sample.ok(sample.prepared) for sample in samples]


def picture_scores(frames: Sequence[np.ndarray]) -> dict[str, float | None]:
    """Motion and brightness of a clip's keyframes, uint8 [H, W, 3] of one size."""
    if not frames:
        return {"motion": None, "brightness": None}
    luma = np.stack([frame.astype(np.float32) @ LUMA for frame in frames]) / 255
    changes = np.abs(np.diff(luma, axis=0))
    height, width = (max(1, size // GRID) for size in luma.shape[1:])
    cells = changes[:, : height * GRID, : width * GRID]
    rows, columns = cells.shape[1] // height, cells.shape[2] // width
    cells = cells.reshape(len(changes), rows, height, columns, width).mean((2, 4))
    return {"motion": float(cells.max(initial=0.0)), "brightness": float(luma.mean())}


def silence_share(wave: np.ndarray, rate: int) -> float:
    """The share of 50 ms windows of a mono float wave whose RMS level is under -60 dBFS; 1.0 for no samples."""
    window = int(rate * WINDOW_SECONDS)
    count = len(wave) // window
    if count == 0:
        return float(len(wave) == 0 or _dbfs(wave) < SILENCE_DBFS)
    levels = [_dbfs(part) for part in wave[: count * window].reshape(count, window)]
    return float(np.mean([level < SILENCE_DBFS for level in levels]))


def _dbfs(wave: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(wave, dtype=np.float64)) + 1e-20))
