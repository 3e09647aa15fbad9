"""The samples of shards as their tower takes them, each once and in order, with what else is told of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vidal.engine.errors import SampleError
from vidal.train.data.datasets import Dataset, shards
from vidal.train.data.examples import Reader, record_of
from vidal.train.data.pieces import PieceReader
from vidal.train.data.plan import Order, Piece
from vidal.train.data.tars import RawSample
from vidal.train.data.texts import TextPolicy, draw, text_of, views
from vidal.train.modalities import Modality
from vidal.train.towers.config import VisionConfig
from vidal.train.use.ahead import ahead

if TYPE_CHECKING:
    import torch

LOST = "ShardLost"
_say = logging.getLogger(__name__).warning


@dataclass(frozen=True)
class Taken:
    """A sample: its key, the shard it lies in, what its tower takes of it, its text, and its JSON.

    The text is empty where the sample has none and none is needed.
    """

    key: str
    shard: str
    pixels: torch.Tensor
    text: str
    record: Mapping[str, Any]


@dataclass
class Samples:
    """The samples of a shard set that are of a modality, of those of this rank; each rank has a run of them.

    `texts` says which text goes with a sample; one that has none is passed over where `text_needed`. `skipped` counts
    the samples that were passed over, by reason, as the trainer's loader does. Memory is that of a few samples.
    """

    location: str
    modality: Modality
    vision: VisionConfig
    texts: TextPolicy
    text_needed: bool = True
    rank: int = 0
    world: int = 1
    skipped: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Taken]:
        """MissingError or ConfigError where there are no such shards."""
        for made in ahead(self._taken, self._raw()):
            if isinstance(made, SampleError):
                self.skipped[made.error_class] += 1
            else:
                yield made

    def _raw(self) -> Iterator[tuple[str, RawSample | None]]:
        found = shards(Dataset(self.location), self.modality, _say)
        order = Order([Piece(shard, 0, shard.samples) for shard in found])
        first, last = (part * len(order) // self.world for part in (self.rank, self.rank + 1))
        pieces = PieceReader(self._reader.wanted)
        for piece in order.between(first, last):
            for raw in pieces.read(piece):
                yield piece.shard.url, self._reader.lean(raw) if raw else None
        for line in pieces.lines:
            _say(line)

    @property
    def _reader(self) -> Reader:
        return Reader(self.modality, self.vision, self.texts, seed=0, train=False)

    def _taken(self, found: tuple[str, RawSample | None]) -> Taken:
        url, raw = found
        if raw is None:
            raise SampleError(LOST, f"{url} was given up")
        if raw.fault is not None:
            raise SampleError("Damaged", raw.fault)
        series = self.modality.series(raw.members)
        if not series:
            raise SampleError("Missing", f"no {' or '.join(self.modality.members)}")
        text, frame = self._text(raw)
        record = record_of(raw.members)
        members = {name: raw.members[name] for name in series}
        pixels = self.modality.read(members, record, frame, None, self.vision)
        return Taken(raw.key, url, pixels, text, record)

    def _text(self, raw: RawSample) -> tuple[str, int | None]:
        there = views(raw.members)
        try:
            drawn = draw(self.texts, there, None)
            text = text_of(drawn.view, raw.members[there[drawn.view]], self.texts.compat)
        except SampleError:
            if self.text_needed:
                raise
            return "", None
        return text, drawn.frame
