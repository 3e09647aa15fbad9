"""The rules applied once to a table of scores, and all that this tells row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from vidal.filter import rules as policy
from vidal.filter.conditions import values
from vidal.filter.config import RuleConfig


@dataclass(frozen=True)
class Judgement:
    """A table of all that rules may ask (`scores.judged`), n rows, and what m rules make of it.

    `told` holds what each condition says, a nullable boolean column per rule, `rule_0` and so on; `holds` whether each
    rule holds, bool [n, m]; `verdicts` the verdicts. All are in the order of the table.
    """

    table: pa.Table
    rules: Sequence[RuleConfig]
    told: pa.Table
    holds: np.ndarray
    verdicts: pa.Table

    @cached_property
    def kept(self) -> np.ndarray:
        """bool [n]."""
        return as_array(self.verdicts["kept"])

    @cached_property
    def kinds(self) -> dict[str, np.ndarray]:
        """The kinds there are, each with its rows, bool [n]."""
        import pyarrow.compute as pc

        kind = self.table["kind"]
        return {one: as_array(pc.equal(kind, one)) for one in sorted(pc.unique(kind).to_pylist(), reverse=True)}


def judge(table: pa.Table, rules: Sequence[RuleConfig]) -> Judgement:
    """Raises ConfigError naming a rule whose condition fails on a row's values."""
    told = values(table, rules)
    holds = policy.holding(table["kind"], told, rules)
    return Judgement(table, rules, told, holds, policy.written(table, holds, rules))


def as_array(column: pa.ChunkedArray) -> np.ndarray:
    """A boolean column without nulls as bool [n]."""
    return column.to_numpy().astype(bool)
