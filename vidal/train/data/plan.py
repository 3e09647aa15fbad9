"""Which samples an epoch holds, in which order, and which stream reads them: numbers only, nothing is opened.

An epoch's shards lie one after the other in a drawn order, so that each sample has a number, its *slot*. Every worker
of every rank reads a *stream*: a share of the slots as large as the share of the batches it makes, so that all ranks
make as many batches as each other and none waits. What a stream lacks at the end (samples that are skipped) it takes
from the share after its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from math import ceil

import numpy as np

from vidal.train.data.datasets import Shard

DatasetShards = tuple[float, tuple[Shard, ...]]
"""The weight of a dataset, and its shards."""


def generator(*what: object) -> np.random.Generator:
    """The generator that belongs to what is named: the same for the same words and numbers, on every machine."""
    digest = blake2b("\0".join(map(str, what)).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


@dataclass(frozen=True)
class Piece:
    """Samples `first` to `last` (not included) of a shard; `copy` numbers the times that an epoch holds them."""

    shard: Shard
    first: int
    last: int
    copy: int = 0

    @property
    def samples(self) -> int:
        return self.last - self.first


class Order:
    """An epoch's samples, in pieces of shards one after the other."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self._starts = list(accumulate((piece.samples for piece in self.pieces), initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    def between(self, first: int, last: int) -> Iterator[Piece]:
        """The pieces that make up the slots from `first` to `last` (not included)."""
        place = bisect_right(self._starts, first) - 1
        while first < last:
            piece, start = self.pieces[place], self._starts[place]
            end = min(last, start + piece.samples)
            if end > first:
                yield Piece(piece.shard, piece.first + first - start, piece.first + end - start, piece.copy)
            first, place = end, place + 1


def training_order(datasets: Sequence[DatasetShards], seed: int, epoch: int) -> Order:
    """The shards of all datasets, drawn for an epoch. Each shard stands there as often as its dataset's weight says;
    of what is left of the weight below 1, as many whole shards as fit, and a part of one more."""
    pieces: list[Piece] = []
    for number, (weight, shards) in enumerate(datasets):
        draw, total = generator(seed, epoch, "dataset", number), sum(shard.samples for shard in shards)
        for copy in range(ceil(weight)):
            left = min(round((weight - copy) * total), total)
            for place in draw.permutation(len(shards)):
                taken = min(left, shards[place].samples)
                left -= taken
                if taken:
                    pieces.append(Piece(shards[place], 0, taken, copy))
    drawn = generator(seed, epoch, "order").permutation(len(pieces))
    return Order([pieces[place] for place in drawn])


def steps_of(datasets: Sequence[DatasetShards], batch_size: int, world: int) -> int:
    """Batches that each rank makes in an epoch: enough for every usable sample."""
    usable = sum(weight * sum(shard.usable for shard in shards) for weight, shards in datasets)
    return max(1, ceil(usable / (batch_size * world)))


@dataclass(frozen=True)
class Layout:
    """How an epoch is divided: ranks, workers of each, and the number of samples that are shuffled together."""

    world: int
    workers: int
    shuffle: int


@dataclass(frozen=True)
class Block:
    """The samples of a stream that are shuffled together: `samples` of them from the one numbered `start` in it."""

    start: int
    samples: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Stream:
    """The samples one worker reads, from `first` on in the plan: `own` of them are its share, those of others follow.

    Endless: the plan is a ring.
    """

    plan: Plan
    first: int
    own: int

    def block(self, start: int) -> Block:
        """The block that begins with the sample numbered `start` of this stream. Blocks do not mix its share with the
        next."""
        plan = self.plan
        samples = min(plan.layout.shuffle, self.own - start) if start < self.own else plan.layout.shuffle
        samples = min(samples, plan.samples)
        place = (self.first + start) % plan.samples
        return Block(start, samples, tuple(plan.pieces(place, samples)))

    def shuffled(self, start: int, samples: int) -> np.ndarray:
        """The order of the samples of a block, as numbers within it."""
        return generator(*self.plan.drawn_by, self.first + start, samples).permutation(samples)


@dataclass(frozen=True)
class Plan:
    """An epoch, or what is left of one, divided among streams.

    `batches` is how many each rank makes of it, `turn` the worker that makes the first. `drawn_by` names the epoch for
    what is drawn.
    """

    order: Order
    layout: Layout
    batches: int
    turn: int
    drawn_by: tuple[object, ...]

    @property
    def samples(self) -> int:
        return len(self.order)

    def batches_of(self, worker: int) -> int:
        """Batches that a worker of any rank makes: workers take turns."""
        return len(range((worker - self.turn) % self.layout.workers, self.batches, self.layout.workers))

    def stream(self, rank: int, worker: int) -> Stream:
        """What a worker of a rank reads."""
        made = [self.batches_of(number) for number in range(self.layout.workers)]
        before = rank * self.batches + sum(made[:worker])
        total = self.layout.world * self.batches
        first, last = (part * self.samples // total for part in (before, before + made[worker]))
        return Stream(self, first, last - first)

    def pieces(self, place: int, samples: int) -> Iterator[Piece]:
        """`samples` samples from `place` of the plan on, as pieces of shards; after the last comes the first."""
        while samples:
            end = min(place + samples, self.samples)
            yield from self.order.between(place, end)
            place, samples = 0, samples - (end - place)


def left(plan: Plan, taken: Sequence[Sequence[int]]) -> Order:
    """What a plan has left where its streams, by rank and then by worker, have `taken` (start of a block, samples made
    of it, its size): in the plan's order, the unread part of each block and all that follows it."""
    pieces: list[Piece] = []
    workers = plan.layout.workers
    for number, (start, used, size) in enumerate(taken):
        stream = plan.stream(*divmod(number, workers))
        if start >= stream.own:
            continue
        unread = np.sort(stream.shuffled(start, size)[used:]) + stream.first + start
        for run in np.split(unread, np.flatnonzero(np.diff(unread) > 1) + 1):
            if len(run):
                pieces += plan.order.between(int(run[0]), int(run[-1]) + 1)
        pieces += plan.order.between(stream.first + start + size, stream.first + stream.own)
    return Order(pieces)
