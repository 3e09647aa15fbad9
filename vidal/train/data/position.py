"""Where a training run stands in its data: a small dictionary that a checkpoint can hold as JSON.

With the same ranks, workers and block size, the batches after a position are those of a run that was never
interrupted. With others, what is left of the epoch is divided anew: no sample is seen twice in it but for those that a
stream takes from its neighbour at its end.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from math import ceil
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.train.data.plan import DatasetShards, Layout, Plan, generator, left, steps_of, training_order

Taken = tuple[int, int, int]
"""Of a stream: where its block starts, how many samples of the block are made, and the block's size."""


@dataclass(frozen=True)
class Position:
    """`batches` of `epoch` are made, by all ranks; `begun` of them before the epoch was divided as `layout` says, of
    batches of `batch_size`, the worker `turn` making the next. `taken` is how far each stream of that layout has come,
    by `rank/worker`. `data` tells the datasets and the seed apart. `before` is where the epoch stood when it was last
    divided otherwise.
    """

    epoch: int
    batches: int
    begun: int
    turn: int
    layout: Layout
    batch_size: int
    data: str
    taken: Mapping[str, Taken] = field(default_factory=dict)
    before: Position | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def of_dict(stored: Mapping[str, Any]) -> Position:
    """A position as it was stored. ConfigError where it is none."""
    try:
        known = dict(stored)
        layout, before = Layout(**known.pop("layout")), known.pop("before")
        taken = {str(name): tuple(map(int, numbers)) for name, numbers in known.pop("taken").items()}
        return Position(layout=layout, taken=taken, before=of_dict(before) if before else None, **known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"this is no position in the data: {error!r}; begin the epoch anew without one") from error


def joined(positions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The position of all ranks as one: each knows how far its own streams have come."""
    return reduce(lambda one, other: {**one, "taken": {**one["taken"], **other["taken"]}}, positions)


@dataclass(frozen=True)
class Course:
    """What decides every batch of a training run: datasets, seed, size of a batch, and how the work is divided."""

    datasets: tuple[DatasetShards, ...]
    seed: int
    batch_size: int
    layout: Layout

    @property
    def steps(self) -> int:
        return steps_of(self.datasets, self.batch_size, self.layout.world)

    def start(self, epoch: int = 0, turn: int = 0) -> Position:
        """The beginning of an epoch, whose first batch is made by the worker `turn`."""
        return Position(epoch, 0, 0, turn, self.layout, self.batch_size, self._data)

    def after(self, stored: Mapping[str, Any], rank: int) -> Position:
        """Where a rank goes on after a stored position. ConfigError where it is of other data, or lacks what other
        ranks knew."""
        position = of_dict(stored)
        if position.data != self._data:
            raise ConfigError(
                "the position is one in other datasets or of another seed; train on with the same shards, weights and "
                "seed, or begin without a position"
            )
        same = position.layout == self.layout and position.batch_size == self.batch_size
        needed = own_streams(position.layout, rank) if same else _streams(position.layout)
        if lacking := [name for name in needed if name not in position.taken]:
            raise ConfigError(f"the position says nothing of the streams {', '.join(lacking)}: join those of all ranks")
        if same:
            return position
        seen = position.batches * position.batch_size * position.layout.world
        batches = min(self.steps, ceil(seen / (self.batch_size * self.layout.world)))
        return replace(self.start(position.epoch), batches=batches, begun=batches, before=position)

    def plan(self, position: Position) -> Plan:
        """The epoch of a position as its layout divides it, from where that layout began."""
        course = replace(self, layout=position.layout, batch_size=position.batch_size)
        order = training_order(self.datasets, self.seed, position.epoch)
        if position.before is not None:
            rest = self._left(position.before)
            order = rest if len(rest) else order
        batches = max(course.steps - position.begun, 1)
        first = (position.turn - (position.batches - position.begun)) % position.layout.workers
        depth = _depth(position)
        return Plan(order, position.layout, batches, first, (self.seed, position.epoch, depth))

    def _left(self, position: Position) -> Any:
        return left(self.plan(position), [position.taken[name] for name in _streams(position.layout)])

    @property
    def _data(self) -> str:
        told = [
            (weight, [(posixpath.basename(shard.url), shard.samples, shard.usable) for shard in shards])
            for weight, shards in self.datasets
        ]
        return generator(self.seed, told).bytes(8).hex()


def next_epoch(position: Position, course: Course) -> Position:
    """The position at the end of an epoch is the beginning of the next."""
    return course.start(position.epoch + 1, position.turn)


def own_streams(layout: Layout, rank: int) -> list[str]:
    """The names of the streams that a rank's workers read."""
    return [f"{rank}/{worker}" for worker in range(layout.workers)]


def _streams(layout: Layout) -> list[str]:
    return [name for rank in range(layout.world) for name in own_streams(layout, rank)]


def _depth(position: Position) -> int:
    return 0 if position.before is None else 1 + _depth(position.before)
