"""The thresholds of a rule, and on which side of them each sample lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidal.filter.conditions import connect, evaluated
from vidal.filter.explain.comparisons import BELOW, Comparison, comparisons
from vidal.filter.explain.judgement import Judgement

WHOLE, BROKEN = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), ("FLOAT", "DOUBLE", "DECIMAL")
"""How DuckDB names its types of numbers, but for a U before those without a sign and figures after a decimal's."""


@dataclass(frozen=True)
class Cut:
    """A threshold of a rule, on the samples of some kinds.

    `value` is the number on the axis that parts the samples; that of a quantile is the least score on its upper side,
    None where there is none. Arrays are of a row per sample: `scores` float64, NaN where null; `known`, which are of
    these kinds and not null; `below`, which lie on the lower side, as DuckDB compares; `decisive`, for which known ones
    it matters on which side they lie, since the rest of the condition leaves it to this comparison.
    """

    comparison: Comparison
    kinds: tuple[str, ...]
    value: float | None
    scores: np.ndarray
    known: np.ndarray
    below: np.ndarray
    decisive: np.ndarray
    nulls: int
    whole: bool
    """Whether the scores are whole numbers by their type."""

    @property
    def quantile(self) -> float | None:
        """The share of samples below, where the threshold is one of these."""
        return self.comparison.bound if self.comparison.quantile else None


def cuts(judgement: Judgement, position: int) -> list[Cut]:
    """The thresholds of a rule in the order of its condition; a quantile is one of every kind that the rule is for and
    the table has."""
    rule = judgement.rules[position]
    kinds = {kind: judgement.kinds[kind] for kind in rule.kinds if kind in judgement.kinds}
    all_of_them = {tuple(kinds): np.logical_or.reduce(list(kinds.values()))} if kinds else {}
    found = []
    for comparison in comparisons(rule.where):
        if evaluated := _evaluated(judgement.table, comparison, rule.missing == "drop"):
            groups = {(kind,): rows for kind, rows in kinds.items()} if comparison.quantile else all_of_them
            found += [_cut(evaluated, comparison, *group) for group in groups.items()]
    return found


@dataclass(frozen=True)
class _Evaluated:
    scores: np.ndarray
    known: np.ndarray
    below: np.ndarray
    decisive: np.ndarray
    whole: bool


def _cut(rows: _Evaluated, comparison: Comparison, kinds: tuple[str, ...], concerned: np.ndarray) -> Cut:
    known = concerned & rows.known
    upper = rows.scores[known & ~rows.below]
    value = comparison.bound
    if comparison.quantile:
        value = float(upper.min()) if len(upper) else None
    nulls = int((concerned & ~rows.known).sum())
    sides = known & rows.below, known & rows.decisive
    return Cut(comparison, kinds, value, rows.scores, known, *sides, nulls, rows.whole)


def _evaluated(table: pa.Table, comparison: Comparison, missing: bool) -> _Evaluated | None:
    """What a comparison says of every row; None where what it compares is no number."""
    if (kind := _type(table, comparison.axis)) not in WHOLE + BROKEN:
        return None
    scores, known, test, differs = _columns(
        table,
        f"coalesce(({comparison.axis})::DOUBLE, 'nan')",
        f"({comparison.axis}) IS NOT NULL",
        f"coalesce({comparison.test}, false)",
        f"coalesce({comparison.if_true}, {missing}) <> coalesce({comparison.if_false}, {missing})",
    )
    below = test if comparison.operator in BELOW.values() else ~test
    return _Evaluated(scores, known, below, differs, kind in WHOLE)


def _columns(table: pa.Table, *expressions: str) -> list[np.ndarray]:
    """An array per SQL expression that is never null, a value per row of the table."""
    from duckdb import SQLExpression

    found = evaluated(table, {f"asked_{number}": SQLExpression(sql) for number, sql in enumerate(expressions)})
    return [column.to_numpy() for column in found.columns]


def _type(table: pa.Table, axis: str) -> str:
    from duckdb import SQLExpression

    [kind] = connect().from_arrow(table.slice(0, 0)).select(SQLExpression(axis)).types
    return str(kind).upper().partition("(")[0].removeprefix("U")


def nearest(cut: Cut, count: int) -> tuple[list[int], list[int]]:
    """The rows with decisive scores nearest to a threshold, at most `count` below and at most `count` above, the
    nearest first; among equals the first of the table. Without a value, the greatest scores below."""
    finite = cut.decisive & np.isfinite(cut.scores)
    at = np.inf if cut.value is None else cut.value
    below, above = (np.flatnonzero(finite & side) for side in (cut.below, ~cut.below))
    return list(_nearest(cut.scores, below, at, count)), list(_nearest(cut.scores, above, at, count))


def _nearest(scores: np.ndarray, rows: np.ndarray, at: float, count: int) -> Iterator[int]:
    distance = -scores[rows] if np.isinf(at) else np.abs(scores[rows] - at)
    if len(rows) > count:
        furthest = np.partition(distance, count - 1)[count - 1]
        near = distance < furthest
        level = np.flatnonzero(distance == furthest)[: count - int(near.sum())]
        near[level] = True
        rows, distance = rows[near], distance[near]
    yield from rows[np.argsort(distance, kind="stable")].tolist()


def by_axis(found: Sequence[Cut]) -> list[tuple[Cut, ...]]:
    """Thresholds on one axis of the same kinds of samples together, in order."""
    axes = dict.fromkeys((cut.comparison.axis, cut.kinds) for cut in found)
    return [tuple(cut for cut in found if (cut.comparison.axis, cut.kinds) == axis) for axis in axes]
