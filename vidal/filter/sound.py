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
FULL = 0.95
"""Share of full scale from which a sample counts as at its end: what was clipped and then coded with loss or resampled
wavers around full scale. Our choice: of a tone clipped 18 dB over full scale it finds a quarter after MP3."""
CLIPPED_RUN = 3
"""Fewest samples in a row at full scale that count as clipped: a peak of clean sound has one or two. Our choice."""


class Sound(Step):
    """Facts of the mono sound at 16 kHz; all null where there is no sound track.

    `silence`: share of 50 ms windows under -60 dBFS. `clipping`: share of samples in runs at full scale. `loudness`:
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
        return {"silence_dbfs": SILENCE_DBFS, "window": WINDOW_SECONDS, "full": FULL, "run": CLIPPED_RUN}

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
    """The share of the samples of a float wave in -1..1 that lie in runs of at least 3 at full scale; 0.0 for none."""
    edges = np.diff(np.concatenate([[0], np.abs(wave) >= FULL, [0]]).astype(np.int8))
    lengths = np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0)
    return float(lengths[lengths >= CLIPPED_RUN].sum() / max(1, len(wave)))


def _dbfs(wave: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(wave, dtype=np.float64)) + 1e-20))
