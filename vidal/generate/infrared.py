"""`generate/infrared`: a pseudo-infrared picture for every keyframe."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from vidal import models
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.generate.config import InfraredConfig
from vidal.media.images import decode_image, encode_jpeg

QUALITY, ORIGINAL_QUALITY = 90, 75
"""Of the JPEGs; the original's is what Pillow and torchvision take by themselves."""


class Infrared(Step):
    """sRGB-TIR frames. One style per clip, drawn from the clip's id and the pipeline's seed: frames do not flicker,
    and a rebuild gives the same bytes."""

    name = "generate/infrared"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    gate = "filter/verdicts"
    members = ("tml*.jpg",)
    resources = Resources(gpus=0.25, batch_size=1, actor=True)

    def __init__(self, config: InfraredConfig, seed: int) -> None:
        self.config = config
        self.seed = seed

    def settings(self) -> Mapping[str, Any]:
        identity = models.identity(self.config.checkpoint)
        return {**self.config.model_dump(mode="json"), "identity": identity, "seed": self.seed}

    def setup(self) -> None:
        self._model = models.load("infrared", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [decode_image(sample.members[name]) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        compat = self.config.compat
        translate = self._model.translate_as_original if compat else self._model.translate
        quality = ORIGINAL_QUALITY if compat else QUALITY
        results = []
        for sample in samples:
            pictures = translate(sample.prepared, style_seed(self.seed, sample.id))
            members = {f"tml{number}.jpg": encode_jpeg(picture, quality) for number, picture in enumerate(pictures)}
            results.append(sample.ok(members=members))
        return results


def style_seed(seed: int, sample: str) -> int:
    """The seed of a clip's style: 63 bits of a hash of the pipeline's seed and the sample's id."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{sample}".encode()).digest()[:8], "big") >> 1
