"""All that can be told of rules from a table of scores, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidal.filter.config import RuleConfig
from vidal.filter.explain.comparisons import Comparison
from vidal.filter.explain.counts import Counts, count
from vidal.filter.explain.cuts import Cut, by_axis, cuts, nearest
from vidal.filter.explain.histogram import Histogram, Mark, histogram
from vidal.filter.explain.judgement import Judgement, as_array, judge

EXAMPLES = 12
"""Samples named on each side of a threshold."""
HELD, LOST, KEPT = range(3)
"""Categories of the histograms: samples that owe to the rule what becomes of them or its flag, others that are dropped,
others that are kept."""


@dataclass(frozen=True)
class Example:
    """A sample near a threshold, by its row in the table."""

    row: int
    score: float


@dataclass(frozen=True)
class Threshold:
    """A threshold with the samples it parts, `below` and `above` in number, and the nearest of both sides."""

    comparison: Comparison
    value: float | None
    below: int
    above: int
    nearest_below: tuple[Example, ...]
    nearest_above: tuple[Example, ...]


@dataclass(frozen=True)
class Axis:
    """What one rule compares, for some kinds of samples: the scores, and the thresholds among them.

    The histogram is of samples whose score decides, given what else the condition asks of them; `aside` are the others
    that have a score, `nulls` those that have none.
    """

    rule: RuleConfig
    name: str
    kinds: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    histogram: Histogram
    aside: int
    nulls: int


@dataclass(frozen=True)
class Changes:
    """What would become otherwise than by the verdicts of the last build."""

    newly_kept: int
    newly_dropped: int


@dataclass(frozen=True)
class Explanation:
    judgement: Judgement
    counts: Counts
    axes: tuple[Axis, ...]
    changes: Changes | None
    """None where no verdicts on the same samples were given yet."""


def explain(table: pa.Table, rules: Sequence[RuleConfig], verdicts: pa.Table | None) -> Explanation:
    """What rules make of a table of all they may ask (`scores.judged`), and against earlier verdicts, if there are any.

    Raises ConfigError naming a rule whose condition fails on a row's values.
    """
    judgement = judge(table, rules)
    found = [(position, axis) for position in range(len(rules)) for axis in by_axis(cuts(judgement, position))]
    axes = [_axis(judgement, position, axis) for position, axis in found]
    return Explanation(judgement, count(judgement), tuple(axes), _changes(judgement, verdicts))


def _axis(judgement: Judgement, position: int, found: tuple[Cut, ...]) -> Axis:
    rule, first = judgement.rules[position], found[0]
    drawn = np.logical_or.reduce([cut.decisive for cut in found])
    category = _categories(judgement, position)[drawn]
    marks = [Mark(cut.value, cut.comparison.includes) for cut in found if cut.value is not None]
    bins = histogram(first.scores[drawn], category, 3, marks, first.whole)
    thresholds = tuple(_threshold(cut) for cut in found)
    aside = int((first.known & ~drawn).sum())
    return Axis(rule, first.comparison.label, first.kinds, thresholds, bins, aside, first.nulls)


def _threshold(cut: Cut) -> Threshold:
    below, above = (tuple(Example(row, float(cut.scores[row])) for row in rows) for rows in nearest(cut, EXAMPLES))
    sides = int((cut.decisive & cut.below).sum()), int((cut.decisive & ~cut.below).sum())
    return Threshold(cut.comparison, cut.value, *sides, below, above)


def _categories(judgement: Judgement, position: int) -> np.ndarray:
    """The category of every sample, as one rule sees it."""
    holds, kept = judgement.holds[:, position], judgement.kept
    own = {"drop": holds & ~kept, "keep": holds & kept, "flag": holds}[judgement.rules[position].action]
    return np.where(own, HELD, np.where(kept, KEPT, LOST))


def _changes(judgement: Judgement, verdicts: pa.Table | None) -> Changes | None:
    if verdicts is None or not verdicts["id"].equals(judgement.verdicts["id"]):
        return None
    before, now = as_array(verdicts["kept"]), judgement.kept
    return Changes(int((now & ~before).sum()), int((before & ~now).sum()))
