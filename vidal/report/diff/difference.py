"""Two sides compared: everything that a page or a terminal shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidal.engine.errors import MissingError
from vidal.report.diff.columns import Columns
from vidal.report.diff.fates import Fates, fates
from vidal.report.diff.members import Members, members
from vidal.report.diff.pairing import Column, Pairing, Samples, column, pair
from vidal.report.diff.scores import ScoreChange, indexed, judged, scores
from vidal.report.diff.sides import ShardSide, Side
from vidal.report.diff.texts import TextChange, texts

PLACES = ("split", "shard")
FACTS = ("kind", "source", "licence", "language")
"""Columns of an index whose values are told apart, where both sides have them."""


@dataclass(frozen=True)
class Told:
    """What there is on one side: candidates found (None of a shard set), samples in its shards, their hours, shards,
    and rows that repeat a key."""

    name: str
    found: int | None
    samples: int
    hours: float
    shards: int
    repeated: int


@dataclass(frozen=True)
class Sets:
    """The samples of two shard sets. `moved` are those in another shard or split, `changed` those of which a member
    differs, is new or is gone; `facts` and `places` are the columns of the index with values that changed."""

    both: int
    lost: Samples
    gained: Samples
    moved: Samples
    changed: Samples
    places: tuple[Column, ...]
    facts: tuple[Column, ...]
    members: Members
    texts: tuple[TextChange, ...]


@dataclass(frozen=True)
class Difference:
    """What differs. `fates` is None unless both sides are builds, and `sets` where one of these has no shards yet;
    `judged` is whether the scores are those of all samples that the rules judged, or those in the shards."""

    before: Told
    after: Told
    fates: Fates | None
    sets: Sets | None
    scores: tuple[ScoreChange, ...]
    judged: bool

    @property
    def same(self) -> bool:
        """Whether the sides tell the same of the same samples."""
        sets, ends = self.sets, self.fates
        return not (
            (ends and (ends.changed or ends.lost or ends.gained))
            or (sets and any(map(len, (sets.lost, sets.gained, sets.moved, sets.changed))))
            or (sets and any(len(one.samples) for one in sets.facts))
            or any(one.some for one in self.scores)
        )


def compare(first: Side, second: Side) -> Difference:
    """Compare two sides. A build against a shard set is compared by its shards; MissingError where it has none."""
    builds = first.ledger is not None and second.ledger is not None
    for side in () if builds else (first, second):
        if side.shards is None:
            raise MissingError(f"{side.name}: no shards were written yet; run `vidal build {side.name}` first")
    ended = fates(first.ledger, second.ledger) if builds else None
    pairing = pair(first.shards.columns.keys, second.shards.columns.keys) if first.shards and second.shards else None
    sets = _sets(first.shards, second.shards, pairing) if pairing is not None else None
    whole = builds and first.scores is not None and second.scores is not None
    told: tuple[ScoreChange, ...] = ()
    if whole:
        told = _scores(first.scores, second.scores, judged)
    elif sets is not None:
        told = _scores(first.shards.scores, second.shards.scores, indexed)
    return Difference(_told(first), _told(second), ended, sets, told, whole)


def _scores(first: Columns, second: Columns, names: Callable[[Columns], list[str]]) -> tuple[ScoreChange, ...]:
    return scores(first, second, pair(first.keys, second.keys), [*names(first), *names(second)])


def _sets(first: ShardSide, second: ShardSide, pairing: Pairing) -> Sets:
    places = _columns(first, second, pairing, PLACES)
    parts = members(first.columns, second.columns, pairing)
    changed = [rows for one in parts.series for rows in (one.changed.rows, one.came.rows, one.went.rows)]
    return Sets(
        both=len(pairing),
        lost=pairing.lost,
        gained=pairing.gained,
        moved=_any(pairing, [one.samples.rows for one in places]),
        changed=_any(pairing, changed),
        places=places,
        facts=_columns(first, second, pairing, FACTS),
        members=parts,
        texts=texts(first, second, pairing, parts.series),
    )


def _columns(first: ShardSide, second: ShardSide, pairing: Pairing, names: tuple[str, ...]) -> tuple[Column, ...]:
    there = [name for name in names if name in first.columns.schema.names and name in second.columns.schema.names]
    return tuple(column(name, pairing, first.columns.column(name), second.columns.column(name)) for name in there)


def _any(pairing: Pairing, rows: list[np.ndarray]) -> Samples:
    return Samples(pairing.keys, np.unique(np.concatenate([np.array([], np.int64), *rows])))


def _told(side: Side) -> Told:
    found = len(side.ledger.ids) if side.ledger else None
    if side.shards is None:
        return Told(side.name, found, 0, 0.0, 0, 0)
    columns = side.shards.columns
    seconds = columns.column("seconds") if "seconds" in columns.schema.names else pa.chunked_array([[]], pa.float64())
    hours = float(np.nansum(seconds.cast(pa.float64()).to_numpy())) / 3600
    shards = len(columns.column("shard").unique())
    return Told(side.name, found, len(columns), round(hours, 6), shards, columns.repeated)
