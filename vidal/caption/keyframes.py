"""`caption/keyframes`: one caption per keyframe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal import models
from vidal.caption.config import CaptionerConfig
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.media.images import decode_image


class Keyframes(Step):
    """The view `ofa`: captions of the keyframes, in their order."""

    name = "caption/keyframes"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    gate = "filter/verdicts"
    columns = {"ofa": pa.list_(pa.string())}
    resources = Resources(gpus=0.5, batch_size=4, actor=True)

    def __init__(self, config: CaptionerConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        return {"checkpoint": self.config.checkpoint, "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("captioner", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [decode_image(sample.members[name]) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        captions = iter(self._model.caption_images([frame for sample in samples for frame in sample.prepared]))
        return [sample.ok({"ofa": [next(captions) for _ in sample.prepared]}) for sample in samples]
