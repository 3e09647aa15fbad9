"""`filter/tagger`: whether a sound is speech, and whether it is music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal import models
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.clap import heard
from vidal.filter.config import ModelConfig
from vidal.filter.embeddings import finite


class Tagger(Step):
    """The probabilities, of 0 to 1, that there is `speech` and `music` in the sound, each by itself; the mean over
    windows of 10 seconds. Null where there is no sound."""

    name = "filter/tagger"
    reads = (Read("harvest/media", members=("flac",)),)
    columns = {"speech": pa.float32(), "music": pa.float32()}
    resources = Resources(gpus=0.25, batch_size=8, actor=True)

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        return {"checkpoint": self.config.checkpoint, "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("audio_tagger", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sound = heard(sample)
        sample.prepared = sound and self._model.features(*sound)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        with_sound = [sample for sample in samples if sample.prepared]
        results = [sample.ok(dict.fromkeys(self.columns)) for sample in samples if not sample.prepared]
        found = self._model.tag([sample.prepared for sample in with_sound])
        for sample, shares in zip(with_sound, found, strict=True):
            finite(list(shares.values()))
            results.append(sample.ok(shares))
        return results
