"""`caption/video`: one caption per clip, from its keyframes, title and hashtags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal import models
from vidal.caption.config import CaptionerConfig
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.media.images import decode_image


class VideoCaption(Step):
    """The view `mplug`."""

    name = "caption/video"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)), Read("harvest/screen", ("title", "hashtags")))
    gate = "filter/verdicts"
    columns = {"mplug": pa.string()}
    resources = Resources(gpus=0.5, batch_size=4, actor=True)

    def __init__(self, config: CaptionerConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        return {"checkpoint": self.config.checkpoint, "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("video_captioner", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [decode_image(sample.members[name]) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        captions = self._model.caption_video([sample.prepared for sample in samples], [hint(s) for s in samples])
        return [sample.ok({"mplug": caption}) for sample, caption in zip(samples, captions, strict=True)]


def hint(sample: Sample) -> str:
    """Title and hashtags in one line, as the paper gives them to the captioner (section 4.3)."""
    tags = " ".join(f"#{tag}" for tag in sample.columns["hashtags"] or ())
    return f"{sample.columns['title']} {tags}".strip()
