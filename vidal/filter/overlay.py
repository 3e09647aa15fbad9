"""`filter/overlay`: how much of a clip's pictures is written over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal import models
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import ModelConfig
from vidal.filter.embeddings import finite
from vidal.media.images import decode_image

TEXT = 0.3
"""From here on a place of the map counts as text: the binarisation threshold of the detectors' own post-processing."""


class Overlay(Step):
    """`overlay_share`: the share of the picture that a text detector marks, from 0 to 1, the mean over the keyframes.

    It marks the cores of lines (see `vidal/models/text_detector.py`), so the letters cover more than the share says.
    """

    name = "filter/overlay"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    columns = {"overlay_share": pa.float32()}
    resources = Resources(gpus=0.25, batch_size=8, actor=True)

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        identity = models.identity(self.config.checkpoint)
        return {"checkpoint": self.config.checkpoint, "identity": identity, "text": TEXT}

    def setup(self) -> None:
        self._model = models.load("text_detector", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [self._model.pixels(decode_image(sample.members[name])) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        maps = self._model.text_maps([frame for sample in samples for frame in sample.prepared])
        shares = iter([float(np.mean(finite(found) > TEXT)) for found in maps])
        return [
            sample.ok({"overlay_share": float(np.mean([next(shares) for _ in sample.prepared]))}) for sample in samples
        ]
