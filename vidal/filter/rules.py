"""What the rules make of scores: a pure function of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from vidal.engine.schemas import VERDICTS
from vidal.filter.conditions import values
from vidal.filter.config import RuleConfig


def holding(kind: pa.ChunkedArray, told: pa.Table, rules: Sequence[RuleConfig]) -> np.ndarray:
    """Which rules hold for samples of these kinds, by what their conditions say (`conditions.values`): bool [n, rules].

    A rule holds for samples of its kinds of which its condition is true or, if the rule says `missing: drop`, cannot be
    told.
    """
    columns = [_holds(kind, told.column(position), rule) for position, rule in enumerate(rules)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(kind), 0), bool)


def deciding(holds: np.ndarray, rules: Sequence[RuleConfig]) -> np.ndarray:
    """The number of the rule that decides on each sample, -1 where none does, int [n]: of the rules that hold, bool
    [n, rules], the first that says drop or keep."""
    if not rules:
        return np.full(len(holds), -1)
    decides = holds & np.array([rule.action != "flag" for rule in rules])
    return np.where(decides.any(axis=1), decides.argmax(axis=1), -1)


def keeping(decided: np.ndarray, rules: Sequence[RuleConfig]) -> np.ndarray:
    """Whether each sample is kept, bool [n], by the number of the rule that decides on it."""
    drops = np.array([*(rule.action == "drop" for rule in rules), False])
    return ~drops[decided]


def verdicts(table: pa.Table, rules: Sequence[RuleConfig]) -> pa.Table:
    """The verdict on every row of the table, in its order. Raises ConfigError naming a rule whose condition fails on a
    row's values."""
    return written(table, holding(table["kind"], values(table, rules), rules), rules)


def written(table: pa.Table, holds: np.ndarray, rules: Sequence[RuleConfig]) -> pa.Table:
    """The verdict on every row of the table, in its order, by the rules that hold for it, bool [n, rules].

    The rule that decides is the sample's `rule`; without one it is kept. Flags are all the rules that hold and say
    flag. `failed` is handed on: that a score failed decides nothing by itself.
    """
    decided = deciding(holds, rules)
    names = pa.array([*(rule.name for rule in rules), None], pa.string())
    columns = {
        "id": table["id"],
        "kind": table["kind"],
        "part": table["part"],
        "kept": pa.array(keeping(decided, rules)),
        "rule": names.take(pa.array(np.where(decided < 0, len(rules), decided))),
        "failed": table["failed"],
        "flags": _lists(holds & np.array([rule.action == "flag" for rule in rules], bool), names),
    }
    return pa.table([columns[field.name] for field in VERDICTS], names=VERDICTS.names).cast(VERDICTS)


def _holds(kind: pa.ChunkedArray, told: pa.ChunkedArray, rule: RuleConfig) -> np.ndarray:
    import pyarrow.compute as pc

    holds = pc.and_(pc.is_in(kind, pa.array(rule.kinds)), pc.fill_null(told, rule.missing == "drop"))
    return holds.to_numpy().astype(bool)


def _lists(marked: np.ndarray, names: pa.Array) -> pa.Array:
    """The names of the columns marked in each row of a boolean array [rows, columns]."""
    offsets = np.concatenate([[0], np.cumsum(marked.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(np.nonzero(marked)[1])))
