"""What the rules make of scores: a pure function of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from vidal.engine.schemas import VERDICTS
from vidal.filter.conditions import values
from vidal.filter.config import RuleConfig


def outcomes(table: pa.Table, rules: Sequence[RuleConfig]) -> pa.Table:
    """Which rules hold for which sample: a boolean column per rule, named by it, a row per row of the table.

    A rule holds for samples of its kinds of which its condition is true or, if the rule says `missing: drop`, cannot be
    told. Raises ConfigError naming a rule whose condition fails on a row's values.
    """
    told = values(table, rules)
    columns = [_holds(table["kind"], told.column(position), rule) for position, rule in enumerate(rules)]
    return pa.table(columns, names=[rule.name for rule in rules])


def verdicts(table: pa.Table, rules: Sequence[RuleConfig]) -> pa.Table:
    """The verdict on every row of the table, in its order.

    The first rule that holds and says drop or keep decides, and is the sample's `rule`; without one it is kept. Flags
    are all the rules that hold and say flag. `failed` is handed on: that a score failed decides nothing by itself.
    """
    holds = _matrix(outcomes(table, rules), len(table))
    deciding = np.array([rule.action != "flag" for rule in rules], bool)
    decided = holds & deciding
    first = np.where(decided.any(axis=1), decided.argmax(axis=1), -1) if rules else np.full(len(table), -1)
    drops = np.array([*(rule.action == "drop" for rule in rules), False])
    names = pa.array([*(rule.name for rule in rules), None], pa.string())
    columns = {
        "id": table["id"],
        "kind": table["kind"],
        "part": table["part"],
        "kept": pa.array(~drops[first]),
        "rule": names.take(pa.array(np.where(first < 0, len(rules), first))),
        "failed": table["failed"],
        "flags": _lists(holds & ~deciding, names),
    }
    return pa.table([columns[field.name] for field in VERDICTS], names=VERDICTS.names).cast(VERDICTS)


def _holds(kind: pa.ChunkedArray, told: pa.ChunkedArray, rule: RuleConfig) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.and_(pc.is_in(kind, pa.array(rule.kinds)), pc.fill_null(told, rule.missing == "drop"))


def _matrix(outcomes: pa.Table, rows: int) -> np.ndarray:
    """Boolean columns as an array [rows, columns]."""
    columns = [column.to_numpy(zero_copy_only=False) for column in outcomes.columns]
    return np.stack(columns, axis=1).astype(bool) if columns else np.zeros((rows, 0), bool)


def _lists(marked: np.ndarray, names: pa.Array) -> pa.Array:
    """The names of the columns marked in each row of a boolean array [rows, columns]."""
    offsets = np.concatenate([[0], np.cumsum(marked.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(np.nonzero(marked)[1])))
