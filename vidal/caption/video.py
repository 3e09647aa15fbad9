"""`caption/video`: one caption per clip, from its keyframes, title and hashtags, by a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal import models
from vidal.caption.config import CaptionerConfig
from vidal.caption.shown import decoded, hint, options_of, settings_of
from vidal.engine.step import Read, Resources, Result, Sample, Step


class VideoCaption(Step):
    """The view `mplug`."""

    name = "caption/video"
    version = 2
    kinds = frozenset({"video"})
    reads = (
        Read("harvest/media", ("frame_seconds",), members=("frm*.jpg",)),
        Read("harvest/screen", ("title", "hashtags")),
    )
    gate = "filter/verdicts"
    columns = {"mplug": pa.string()}
    resources = Resources(gpus=0.5, batch_size=16, actor=True)

    def __init__(self, config: CaptionerConfig, base: Path) -> None:
        self.checkpoint = config.checkpoint
        self.options = options_of(config, base)

    def settings(self) -> Mapping[str, Any]:
        return settings_of(self.checkpoint, self.options)

    def setup(self) -> None:
        self._model = models.load("video_captioner", self.checkpoint, options=self.options)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = decoded(sample)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        clips, instants = [sample.prepared for sample in samples], [s.columns["frame_seconds"] for s in samples]
        captions = self._model.caption_video(clips, [hint(sample) for sample in samples], instants)
        return [sample.ok({"mplug": caption}) for sample, caption in zip(samples, captions, strict=True)]
