"""The scores of a build as histograms, with the thresholds that its rules set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidal.engine.build import Build
from vidal.engine.errors import MissingError
from vidal.filter.config import RuleConfig
from vidal.filter.explain.comparisons import columns
from vidal.filter.explain.current import committed, scored
from vidal.filter.explain.explanation import Explanation, explain
from vidal.filter.explain.histogram import Histogram, histogram


@dataclass(frozen=True)
class Score:
    """The histogram of what a rule compares, or, where `rule` is empty, of a score that no rule asks for.

    Its categories are samples that owe their fate or flag to the rule, other dropped ones, other kept ones.
    """

    name: str
    kinds: tuple[str, ...]
    rule: str
    action: str
    where: str
    thresholds: tuple[float, ...]
    histogram: Histogram
    nulls: int


@dataclass(frozen=True)
class Scores:
    """All histograms; `missing` says why there are none, `differing` counts samples that the rules as they stand would
    judge otherwise than the last build did."""

    scores: tuple[Score, ...]
    missing: str = ""
    differing: int = 0


def scores(build: Build, rules: Sequence[RuleConfig], command: Callable[[Iterable[str]], str]) -> Scores:
    """The scores of a build; `command` tells how stages are built."""
    try:
        table = scored(build, command)
    except MissingError as error:
        return Scores((), str(error))
    found = explain(table, rules, committed(build))
    changes = found.changes
    differing = changes.newly_kept + changes.newly_dropped if changes else 0
    return Scores((*_ruled(found), *_others(found)), "", differing)


def _ruled(found: Explanation) -> Iterator[Score]:
    for axis in found.axes:
        values = tuple(one.value for one in axis.thresholds if one.value is not None)
        rule = axis.rule
        yield Score(axis.name, axis.kinds, rule.name, rule.action, rule.where, values, axis.histogram, axis.nulls)


def _others(found: Explanation) -> Iterator[Score]:
    """Numbers that no rule compares, by kind, where they differ."""
    table, kept = found.judgement.table, found.judgement.kept
    asked = {name for axis in found.axes for one in axis.thresholds for name in columns(one.comparison.axis)}
    for field in table.schema:
        if field.name in asked | {"part"} or not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type)):
            continue
        values = table[field.name].cast(pa.float64()).to_numpy()
        null = np.asarray(table[field.name].is_null())
        for kind, mask in found.judgement.kinds.items():
            known = mask & ~null
            if len(np.unique(values[known])) < 2:
                continue
            category = np.where(kept[known], 2, 1)
            bins = histogram(values[known], category, 3, [], pa.types.is_integer(field.type))
            yield Score(field.name, (kind,), "", "", "", (), bins, int((mask & null).sum()))
