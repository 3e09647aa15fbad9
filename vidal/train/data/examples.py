"""From the bytes of a sample to what a network is given of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vidal.engine.errors import SampleError
from vidal.train.data.plan import generator
from vidal.train.data.tars import RawSample
from vidal.train.data.texts import TextPolicy, draw, text_of, views
from vidal.train.modalities import Decoded, Modality
from vidal.train.towers.config import VisionConfig

if TYPE_CHECKING:
    import torch


FLOATS = 3 * 4
"""Bytes of a place in what a tower takes: three channels in float32."""


@dataclass(frozen=True)
class Example:
    """A sample decoded, or as its tower takes it, and its text. `replaced` is the view that the text stands in for, if
    it does."""

    key: str
    media: Decoded | torch.Tensor
    text: str
    replaced: str | None


@dataclass(frozen=True)
class Reader:
    """How samples of a modality are read. What is drawn of a sample depends on seed, epoch, copy and key alone."""

    modality: Modality
    vision: VisionConfig
    texts: TextPolicy
    seed: int
    train: bool

    def wanted(self, member: str) -> bool:
        """Whether a member is needed at all."""
        return member == "json" or member == "txt" or member.endswith(".txt") or bool(self.modality.series([member]))

    def lean(self, sample: RawSample) -> RawSample:
        """A sample without the series that its modality reads only where a better one is absent."""
        series = set(self.modality.series(sample.members))
        kept = {
            name: content
            for name, content in sample.members.items()
            if name in series or name == "json" or name.endswith("txt")
        }
        return RawSample(sample.key, kept, sample.names, sample.fault)

    def example(self, sample: RawSample, epoch: int, copy: int) -> Example:
        """Read a sample. SampleError with the class it is counted under; `Missing` for one of another modality.

        It goes on in the smaller of its two forms: as it was decoded, or, of large pictures, as its tower takes it.
        """
        if sample.fault is not None:
            raise SampleError("Damaged", sample.fault)
        series = self.modality.series(sample.members)
        if not series:
            raise SampleError("Missing", f"no {' or '.join(self.modality.members)}")
        rng = generator(self.seed, epoch, copy, sample.key) if self.train else None
        there = views(sample.members)
        drawn = draw(self.texts, there, rng)
        text = text_of(drawn.view, sample.members[there[drawn.view]], self.texts.compat)
        members = {name: sample.members[name] for name in series}
        media = self.modality.decode(members, record_of(sample.members), drawn.frame, rng, self.vision)
        if isinstance(media, Decoded) and media.nbytes > len(media.arrays) * FLOATS * math.prod(self.vision.picture):
            media = self.modality.finished(media, self.vision)
        return Example(sample.key, media, text, drawn.instead_of)


def read(make: Callable[[], Example]) -> Example | SampleError:
    """An example, or why there is none. An error that is no SampleError is one all the same: samples come from
    anywhere, and decoders raise whatever they like."""
    try:
        return make()
    except SampleError as error:
        return error
    except Exception as error:
        return SampleError(type(error).__name__, " ".join(str(error).split())[:300])


def record_of(members: Mapping[str, bytes]) -> Mapping[str, Any]:
    """The sample's JSON. SampleError `BadRecord` for what is no JSON object."""
    if "json" not in members:
        return {}
    try:
        record = json.loads(members["json"])
    except (ValueError, RecursionError) as error:
        raise SampleError("BadRecord", f"json: {error}") from None
    if not isinstance(record, dict):
        raise SampleError("BadRecord", "json holds no object")
    return record
