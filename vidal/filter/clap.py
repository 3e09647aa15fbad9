"""`filter/clap`: how well a sound agrees with its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal import models
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import ModelConfig
from vidal.filter.text import spoken
from vidal.media.sound import decode_audio


class ClapScore(Step):
    """The cosine between sound and title (`clap_title`); null for a clip without sound."""

    name = "filter/clap"
    reads = (Read("harvest/media", members=("flac",)), Read("harvest/screen", ("title", "hashtags")))
    columns = {"clap_title": pa.float32()}
    resources = Resources(gpus=0.25, batch_size=8, actor=True)

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        return {"checkpoint": self.config.checkpoint, "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("clap", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = decode_audio(sample.members["flac"]) if "flac" in sample.members else None

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        heard = [sample for sample in samples if sample.prepared is not None]
        results = [sample.ok({"clap_title": None}) for sample in samples if sample.prepared is None]
        if heard:
            rate = heard[0].prepared[1]
            sounds = self._model.embed_audio([sample.prepared[0] for sample in heard], rate)
            texts = self._model.embed_texts([spoken(sample) for sample in heard])
            for sample, sound, text in zip(heard, sounds, texts, strict=True):
                results.append(sample.ok({"clap_title": float(sound @ text)}))
        return results
