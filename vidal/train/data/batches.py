"""What a loader's worker does: undecoded samples are shuffled, decoded, and put together as batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from vidal.engine.errors import MissingError, SampleError
from vidal.train.data.examples import Example, Reader, read
from vidal.train.data.packed import Packed, pack
from vidal.train.data.pieces import PieceReader
from vidal.train.data.plan import Order, Piece, Stream
from vidal.train.data.position import Course, Position, Taken, next_epoch
from vidal.train.data.tars import RawSample

BLOCK_BYTES = 1 << 30
"""A block of samples ends early where they have more bytes than this."""
LOST = "ShardLost"


@dataclass(frozen=True)
class Batch:
    """Samples of a modality and their texts: `pixels` float32 [n, 3, H, W] or [n, 3, frames, H, W], `ids` int64
    [n, length] and `mask` of the same shape, and the keys and texts themselves, n each."""

    pixels: torch.Tensor
    ids: torch.Tensor
    mask: torch.Tensor
    keys: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class RawBatch:
    """A batch whose media are still to be prepared for the tower."""

    media: Packed
    ids: torch.Tensor
    mask: torch.Tensor
    keys: tuple[str, ...]
    texts: tuple[str, ...]

    def pin_memory(self) -> RawBatch:
        """The same in memory that a GPU copies from while the CPU goes on."""
        return replace(self, media=self.media.pin_memory(), ids=self.ids.pin_memory(), mask=self.mask.pin_memory())


@dataclass
class Report:
    """What a worker tells with a batch: what it met since the one before, and how far its stream has come."""

    stream: str = ""
    taken: Taken = (0, 0, 0)
    skipped: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    fatal: str | None = None


Made = tuple[RawBatch | None, Report]
Held = tuple[RawSample | None, int]


@dataclass(frozen=True)
class Batches(IterableDataset):
    """The batches of one rank: without end in training, from a position on; else every sample once, in order.

    A worker makes every n-th of them, n being the number of workers, so that a DataLoader, which asks its workers in
    turn, has them in order.
    """

    course: Course
    reader: Reader
    words: Any
    rank: int
    position: Position | None
    """None in evaluation."""

    def __iter__(self) -> Iterator[Made]:
        worker = info.id if (info := get_worker_info()) else 0
        maker = _Maker(self.reader, self.words, self.course.batch_size)
        try:
            if self.position is None:
                yield from self._in_order(maker, worker)
            else:
                yield from self._for_ever(maker, self.position, worker)
        except MissingError as error:
            yield None, Report(fatal=str(error))

    def _in_order(self, maker: _Maker, worker: int) -> Iterator[Made]:
        order, size = evaluation_order(self.course, self.rank), self.course.batch_size
        for first in range(worker * size, len(order), self.course.layout.workers * size):
            held = maker.read(order.between(first, min(first + size, len(order))))
            examples = [example for sample, copy in held if (example := maker.example(sample, copy, 0))]
            yield maker.batch(examples), maker.report("", (0, 0, 0))

    def _for_ever(self, maker: _Maker, position: Position, worker: int) -> Iterator[Made]:
        while True:
            plan = self.course.plan(position)
            number = (position.turn + worker) % plan.layout.workers
            done = position.batches - position.begun
            made = len(range((number - plan.turn) % plan.layout.workers, done, plan.layout.workers))
            name = f"{self.rank}/{number}"
            examples = maker.examples(plan.stream(self.rank, number), position.epoch, position.taken.get(name))
            for _ in range(plan.batches_of(number) - made):
                batch = maker.batch(list(islice(examples, self.course.batch_size)))
                yield batch, maker.report(name, maker.taken)
            position = next_epoch(replace(position, turn=(plan.turn + plan.batches) % plan.layout.workers), self.course)
            worker = (number - position.turn) % plan.layout.workers


class _Maker:
    """Reads samples, makes examples and batches of them, and remembers what there is to tell."""

    def __init__(self, reader: Reader, words: Any, batch_size: int) -> None:
        self.taken: Taken = (0, 0, 0)
        self._reader, self._words = reader, words
        self._pieces = PieceReader(reader.wanted)
        self._report = Report()
        self._first_fault = ""

    def read(self, pieces: Iterable[Piece]) -> Iterator[Held]:
        """The samples of pieces, undecoded, with the number of their copy; None for one that its shard lacks."""
        for piece in pieces:
            for sample in self._pieces.read(piece):
                yield (self._reader.lean(sample) if sample else None), piece.copy

    def _fill(self, pieces: Iterable[Piece]) -> list[Held]:
        """As many samples as fit into BLOCK_BYTES, one at least."""
        held, size = [], 0
        for sample, copy in self.read(pieces):
            held.append((sample, copy))
            size += sample.size if sample else 0
            if size > BLOCK_BYTES:
                break
        return held

    def examples(self, stream: Stream, epoch: int, taken: Taken | None) -> Iterator[Example]:
        """The examples of a stream, without end, after what was taken. MissingError where all that there is gives
        none."""
        start, used, _ = taken or (0, 0, 0)
        fruitless = 0
        while True:
            held = self._fill(stream.block(start).pieces)
            size = len(held)
            for place in stream.shuffled(start, size)[used:]:
                used += 1
                self.taken = (start, used, size)
                example = self.example(*held[place], epoch)
                fruitless = 0 if example else fruitless + 1
                if example:
                    yield example
                elif fruitless > stream.own + stream.plan.samples:
                    raise MissingError(f"no sample of the shards can be read; the first: {self._first_fault}")
            start, used = start + size, 0

    def example(self, sample: RawSample | None, copy: int, epoch: int) -> Example | None:
        """A sample read, or None where it is skipped, which is counted."""
        if sample is None:
            found: Example | SampleError = SampleError(LOST, next(iter(self._pieces.lines), "a shard was given up"))
        else:
            found = read(lambda: self._reader.example(sample, epoch, copy))
        if isinstance(found, SampleError):
            self._report.skipped[found.error_class] += 1
            self._first_fault = self._first_fault or (f"{sample.key}: {found}" if sample else str(found))
            return None
        if found.replaced:
            self._report.replaced[found.replaced] += 1
        return found

    def batch(self, examples: list[Example]) -> RawBatch | None:
        """Examples as a batch, or None where there are none."""
        if not examples:
            return None
        texts = tuple(example.text for example in examples)
        ids, mask = self._words.ids(texts)
        media = pack([example.media for example in examples])
        return RawBatch(media, ids, mask, tuple(example.key for example in examples), texts)

    def report(self, stream: str, taken: Taken) -> Report:
        """All there is to tell since the last one."""
        told, self._report = self._report, Report()
        told.stream, told.taken, told.lines = stream, taken, list(self._pieces.lines)
        self._pieces.lines.clear()
        return told


def evaluation_order(course: Course, rank: int) -> Order:
    """The samples that a rank evaluates: its share of all shards in their order, each dataset once."""
    whole = Order([Piece(shard, 0, shard.samples) for _, shards in course.datasets for shard in shards])
    first, last = (part * len(whole) // course.layout.world for part in (rank, rank + 1))
    return Order(list(whole.between(first, last)))
