"""`filter/clip`: how well a clip's keyframes agree with its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal import models
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import ModelConfig
from vidal.filter.text import spoken
from vidal.media.images import decode_image


class ClipScore(Step):
    """Cosines between the title and each keyframe: their mean (`clip_title`) and maximum (`clip_title_max`)."""

    name = "filter/clip"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)), Read("harvest/screen", ("title", "hashtags")))
    columns = {"clip_title": pa.float32(), "clip_title_max": pa.float32()}
    resources = Resources(gpus=0.25, batch_size=8, actor=True)

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        return {"checkpoint": self.config.checkpoint, "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("clip", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [decode_image(sample.members[name]) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        frames = self._model.embed_images([frame for sample in samples for frame in sample.prepared])
        texts = self._model.embed_texts([spoken(sample) for sample in samples])
        results, start = [], 0
        for sample, text in zip(samples, texts, strict=True):
            end = start + len(sample.prepared)
            cosines = np.asarray(frames[start:end], np.float32) @ text
            scores = {"clip_title": float(cosines.mean()), "clip_title_max": float(cosines.max())}
            results.append(sample.ok(scores))
            start = end
        return results
