"""Each score's distribution on both sides, by the same bins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidal.filter.explain.histogram import FINITE, Histogram, histogram
from vidal.report.diff.columns import Columns
from vidal.report.diff.pairing import Pairing, Samples
from vidal.shard.where import SCORE

APART = ("part",)
"""Numbers of a table of scores that are none."""
FACTS = ("seconds",)
"""Numbers of an index that are compared beside its scores."""


@dataclass(frozen=True)
class Spread:
    """The samples that have a score, those that have none, and three quantiles of it (None of none)."""

    samples: int
    nulls: int
    low: float | None
    median: float | None
    high: float | None


@dataclass(frozen=True)
class ScoreChange:
    """A score on both sides, None where one does not have it at all.

    `apart` is the greatest difference between the shares of samples below a value (Kolmogorov and Smirnov's statistic):
    0 for equal distributions, 1 for those that do not overlap. `changed` are the samples of both sides whose score
    differs. The categories of `histogram` are the sides.
    """

    name: str
    before: Spread | None
    after: Spread | None
    apart: float | None
    changed: Samples
    histogram: Histogram

    @property
    def some(self) -> bool:
        """Whether anything differs."""
        return bool(len(self.changed) or self.apart or self.before is None or self.after is None)


def scores(first: Columns, second: Columns, pairing: Pairing, names: Iterable[str]) -> tuple[ScoreChange, ...]:
    """The columns named, each of which one side has at least; those whose distributions differ most come first."""
    found = [_score(name, first, second, pairing) for name in dict.fromkeys(names)]
    found.sort(key=lambda one: (-1 if one.apart is None else -one.apart, -len(one.changed), one.name))
    return tuple(found)


def _score(name: str, first: Columns, second: Columns, pairing: Pairing) -> ScoreChange:
    old, new = _values(first, name), _values(second, name)
    whole = all(_whole(one, name) for one in (first, second) if name in one.schema.names)
    sides = [one[~np.isnan(one)] for one in (old, new) if one is not None]
    category = np.repeat([0, 1] if len(sides) == 2 else [0 if new is None else 1], [len(one) for one in sides])
    changed = np.zeros(len(pairing), bool)
    apart = None
    if old is not None and new is not None:
        before, after = old[pairing.left], new[pairing.right]
        changed = (before != after) & ~(np.isnan(before) & np.isnan(after))
        apart = _apart(*sides)
    bins = histogram(np.concatenate(sides), category, 2, [], whole)
    return ScoreChange(name.removeprefix(SCORE), _spread(old), _spread(new), apart, pairing.samples(changed), bins)


def judged(columns: Columns) -> list[str]:
    """The scores of a table of scores: its columns of numbers and truths."""
    return [field.name for field in columns.schema if _numeric(field.type) and field.name not in APART]


def indexed(columns: Columns) -> list[str]:
    """The scores of an index, and the other numbers that it tells of samples."""
    told = [field for field in columns.schema if field.name.startswith(SCORE) or field.name in FACTS]
    return [field.name for field in told if _numeric(field.type)]


def _numeric(type_: pa.DataType) -> bool:
    return pa.types.is_floating(type_) or pa.types.is_integer(type_) or pa.types.is_boolean(type_)


def _whole(columns: Columns, name: str) -> bool:
    return not pa.types.is_floating(columns.schema.field(name).type)


def _values(columns: Columns, name: str) -> np.ndarray | None:
    """A score as float64, NaN where a sample has none; None where the side has no such score."""
    if name not in columns.schema.names:
        return None
    found = columns.column(name)
    if pa.types.is_boolean(found.type):
        found = found.cast(pa.int8())
    return found.cast(pa.float64(), safe=False).to_numpy()


def _spread(values: np.ndarray | None) -> Spread | None:
    if values is None:
        return None
    known = values[~np.isnan(values)]
    told = np.quantile(known, (0.05, 0.5, 0.95), method="nearest").tolist() if len(known) else (None, None, None)
    return Spread(len(known), len(values) - len(known), *told)


def _apart(first: np.ndarray, second: np.ndarray) -> float | None:
    if not len(first) or not len(second):
        return None
    first, second = (np.sort(np.clip(one, -FINITE, FINITE)) for one in (first, second))
    below = [np.searchsorted(one, np.concatenate([first, second]), side="right") / len(one) for one in (first, second)]
    return round(float(np.abs(below[0] - below[1]).max()), 6)
