"""`caption/keyframes`: one caption per keyframe, by a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal import models
from vidal.caption.config import CaptionerConfig
from vidal.caption.shown import decoded, options_of, settings_of
from vidal.engine.step import Read, Resources, Result, Sample, Step


class Keyframes(Step):
    """The view `ofa`: captions of the keyframes, in their order."""

    name = "caption/keyframes"
    version = 2
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    gate = "filter/verdicts"
    columns = {"ofa": pa.list_(pa.string())}
    resources = Resources(gpus=0.5, batch_size=4, actor=True)

    def __init__(self, config: CaptionerConfig, base: Path) -> None:
        self.checkpoint = config.checkpoint
        self.options = options_of(config, base)

    def settings(self) -> Mapping[str, Any]:
        return settings_of(self.checkpoint, self.options)

    def setup(self) -> None:
        self._model = models.load("captioner", self.checkpoint, options=self.options)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = decoded(sample)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        captions = iter(self._model.caption_images([frame for sample in samples for frame in sample.prepared]))
        return [sample.ok({"ofa": [next(captions) for _ in sample.prepared]}) for sample in samples]
