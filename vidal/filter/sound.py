"""`filter/sound`: facts of a sound that need no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.media.loudness import loudness
from vidal.media.sound import decode_audio

SILENCE_DBFS = -60.0
"""Level under which a window counts as silent. Our choice: the paper gives no audio threshold."""
WINDOW_SECONDS = 0.05
END = 0.9999
"""Share of full scale that only the outermost values of 16 bits reach: what a sound at 16 kHz, without the overtones
that made its tops flat, would swing beyond is cut off there. Our choice."""
FULL, CLIPPED_RUN = 0.95, 3
"""Share of full scale from which so many samples in a row are clipped: flat tops that were coded with loss or resampled
waver around full scale, and a peak of clean sound is shorter. Our choice."""


class Sound(Step):
    """Facts of the mono sound at 16 kHz; all null where there is no sound track.

    `silence`: share of 50 ms windows under -60 dBFS. `clipping`: share of samples at full scale. `loudness`:
    integrated, in LUFS (EBU R128), null for what is silent or shorter than 0.4 s. `sound_seconds`: length.
    """

    name = "filter/sound"
    reads = (Read("harvest/media", members=("flac",)),)
    columns = {
        "silence": pa.float32(),
        "clipping": pa.float32(),
        "loudness": pa.float32(),
        "sound_seconds": pa.float32(),
    }
    resources = Resources(batch_size=16)

    def settings(self) -> Mapping[str, Any]:
        return {"silence_dbfs": SILENCE_DBFS, "window": WINDOW_SECONDS, "end": END, "clipped": [FULL, CLIPPED_RUN]}

    def prepare(self, sample: Sample) -> None:
        sample.prepared = dict.fromkeys(self.columns)
        if "flac" in sample.members:
            wave, rate = decode_audio(sample.members["flac"])
            sample.prepared = {
                "silence": silence_share(wave, rate),
                "clipping": clipped_share(wave),
                "loudness": loudness(wave, rate),
                "sound_seconds": len(wave) / rate,
            }

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [sample.ok(sample.prepared) for sample in samples]


def silence_share(wave: np.ndarray, rate: int) -> float:
    """The share of 50 ms windows of a mono float wave whose RMS level is under -60 dBFS; 1.0 for no samples."""
    window = int(rate * WINDOW_SECONDS)
    count = len(wave) // window
    if count == 0:
        return float(len(wave) == 0 or _dbfs(wave) < SILENCE_DBFS)
    levels = [_dbfs(part) for part in wave[: count * window].reshape(count, window)]
    return float(np.mean([level < SILENCE_DBFS for level in levels]))


def clipped_share(wave: np.ndarray) -> float:
    """The share of the samples of a float wave in -1..1 that lie at the end of the scale or in a run of at least 3 near
    it; 0.0 for none. A clean tone that fills the scale has some; clipped noise at 16 kHz has almost none."""
    level = np.abs(wave)
    edges = np.diff(np.concatenate([[0], level >= FULL, [0]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    long = ends - starts >= CLIPPED_RUN
    steps = np.zeros(len(wave) + 1, np.int8)
    steps[starts[long]], steps[ends[long]] = 1, -1
    clipped = (np.cumsum(steps[:-1]) > 0) | (level >= END)
    return float(clipped.sum() / max(1, len(wave)))


def _dbfs(wave: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(wave, dtype=np.float64)) + 1e-20))
