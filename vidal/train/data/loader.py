"""Batches for a tower from shards: shuffled, divided among ranks and workers, resumable in the middle of an epoch."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import DataLoader

from vidal.engine.errors import MissingError
from vidal.train.data.batches import Batch, Batches, RawBatch, Report, evaluation_order
from vidal.train.data.datasets import Dataset, Say, shards
from vidal.train.data.examples import Reader
from vidal.train.data.plan import Layout
from vidal.train.data.position import Course, Position, next_epoch, own_streams
from vidal.train.data.texts import TextPolicy
from vidal.train.modalities import Modality
from vidal.train.towers.config import VisionConfig

SHUFFLE = 500
"""Samples that are shuffled together; the original's loader of shards holds as many (data/new_loadvat.py)."""


class Loader:
    """The batches of one rank.

    In training it goes on for ever, epoch after epoch, with the same `steps_per_epoch` on every rank. `position` tells
    how far it has come with the batches it gave; the loader of another run, given it, goes on behind them. Each rank
    knows its own streams alone: `joined` makes one position of those of all ranks. In evaluation every sample comes
    once, in order, and the last batch, or one with samples that are skipped, is smaller.

    `waited` is the seconds that its user has waited for batches. `skipped` counts samples that were left out, by
    reason: `Missing` (another modality), `NoText`, `ShardLost`, the class of a decoder's error …; `replaced` counts
    texts that stood in for another view, by that view. `say` is given a line for each shard that is given up.

    `workers` processes decode; with 0 this one does, and makes the same batches as with 1. Each holds `shuffle`
    undecoded samples, at most about 1 GiB. Their batches come as they were decoded, and are resampled and normalised
    here, on the `device`.

    ConfigError or MissingError where datasets or a position cannot be used; MissingError, with the first reason, where
    no sample can be read.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        modality: Modality,
        vision: VisionConfig,
        words: Any,
        texts: TextPolicy,
        batch_size: int,
        seed: int = 0,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
        position: Mapping[str, Any] | None = None,
        train: bool = True,
        shuffle: int = SHUFFLE,
        device: torch.device = torch.device("cpu"),
        say: Say = logging.getLogger(__name__).warning,
    ) -> None:
        found = tuple((dataset.weight, shards(dataset, modality, say)) for dataset in datasets)
        self._course = Course(found, seed, batch_size, Layout(world, max(workers, 1), shuffle))
        self._reader = Reader(modality, vision, texts, seed, train)
        self._words, self._rank, self._workers, self._device, self._say = words, rank, workers, device, say
        self._position = self._begun(position) if train else None
        self.waited = 0.0
        self.skipped: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()

    @property
    def steps_per_epoch(self) -> int:
        """Batches that this rank gives in an epoch; in evaluation, at most."""
        if self._position is not None:
            return self._course.steps
        return -(-len(evaluation_order(self._course, self._rank)) // self._course.batch_size)

    @property
    def position(self) -> dict[str, Any]:
        """Where training stands after the last batch given, as JSON can hold it."""
        if self._position is None:
            raise ValueError("evaluation has no position")
        return self._position.as_dict()

    def __iter__(self) -> Iterator[Batch]:
        for raw in self.raw():
            pixels = raw.media.prepared(self._reader.modality, self._reader.vision, self._device)
            ids, mask = (one.to(self._device, non_blocking=True) for one in (raw.ids, raw.mask))
            yield Batch(pixels, ids, mask, raw.keys, raw.texts)

    def raw(self) -> Iterator[RawBatch]:
        """The batches as the workers made them."""
        batches = Batches(self._course, self._reader, self._words, self._rank, self._position)
        pinned = self._device.type == "cuda"
        made = iter(DataLoader(batches, None, num_workers=self._workers, collate_fn=_as_it_is, pin_memory=pinned))
        given = 0
        while True:
            asked = time.monotonic()
            batch, report = next(made, (None, None))
            self.waited += time.monotonic() - asked
            if report is None:
                break
            self._heed(report)
            if batch is not None:
                given += 1
                yield batch
        if self.steps_per_epoch and not given:
            raise MissingError(f"no sample of the shards can be read: {dict(self.skipped)}")

    def _heed(self, report: Report) -> None:
        for line in report.lines:
            self._say(line)
        if report.fatal is not None:
            raise MissingError(report.fatal)
        self.skipped += report.skipped
        self.replaced += report.replaced
        if self._position is not None:
            self._position = self._onward(self._position, report)

    def _begun(self, stored: Mapping[str, Any] | None) -> Position:
        position = self._course.after(stored, self._rank) if stored else self._course.start()
        return self._own(self._turned(position))

    def _onward(self, position: Position, report: Report) -> Position:
        taken = {**position.taken, report.stream: report.taken}
        turn = (position.turn + 1) % position.layout.workers
        return self._own(self._turned(replace(position, batches=position.batches + 1, turn=turn, taken=taken)))

    def _turned(self, position: Position) -> Position:
        """At the end of an epoch, the beginning of the next."""
        return next_epoch(position, self._course) if position.batches >= self._course.steps else position

    def _own(self, position: Position) -> Position:
        names = own_streams(position.layout, self._rank)
        return replace(position, taken={**dict.fromkeys(names, (0, 0, 0)), **position.taken})


def _as_it_is(made: Any) -> Any:
    return made
