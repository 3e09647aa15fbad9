"""How many samples each rule concerns, and how the rules overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidal.filter import rules as policy
from vidal.filter.config import RuleConfig
from vidal.filter.explain.judgement import Judgement, as_array


@dataclass(frozen=True)
class Count:
    """How many samples a rule is for, and of those: `alone`, for how many it holds, which is what it decides as the
    only rule or as the first; `in_order`, how many it decides in its place, after the rules before it; `only`, how many
    would be dropped instead of kept, or the reverse, without it; `untold`, of how many its condition cannot be told.
    A rule that flags decides nothing."""

    samples: int
    alone: int
    in_order: int
    only: int
    untold: int


@dataclass(frozen=True)
class RuleCounts:
    """`by_kind` has an entry for every kind that the rule is for and the table has."""

    rule: RuleConfig
    total: Count
    by_kind: dict[str, Count]


@dataclass(frozen=True)
class Fates:
    """What becomes of the samples of a kind. Flagged samples are kept or dropped as well."""

    samples: int
    kept: int
    dropped: int
    flagged: int


@dataclass(frozen=True)
class Overlap:
    """`both[a][b]` samples for which the rules named a and b both hold; on the diagonal, those for which one does."""

    names: tuple[str, ...]
    both: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Counts:
    """All counts of a judgement. `fates` has an entry for every kind there is."""

    rules: tuple[RuleCounts, ...]
    fates: dict[str, Fates]
    overlap: Overlap
    failed: dict[str, int]
    """How many samples each score has failed for, by step."""


def count(judgement: Judgement) -> Counts:
    patterns = _Patterns.of(judgement)
    kinds = sorted(set(patterns.kind.tolist()), reverse=True)
    return Counts(
        tuple(patterns.counts(position, kinds) for position in range(len(judgement.rules))),
        {kind: patterns.fates(kind) for kind in kinds},
        patterns.overlap(),
        _failed(judgement.table),
    )


@dataclass(frozen=True)
class _Patterns:
    """The distinct rows of kind and of what every condition says, each with how many samples have it: few, however
    many the samples."""

    told: pa.Table
    kind: np.ndarray
    size: np.ndarray
    rules: Sequence[RuleConfig]
    holds: np.ndarray
    kept: np.ndarray

    @classmethod
    def of(cls, judgement: Judgement) -> _Patterns:
        names = judgement.told.column_names
        rows = pa.table([*judgement.told.columns, judgement.table["kind"]], names=[*names, "kind"])
        found = rows.group_by([*names, "kind"], use_threads=False).aggregate([([], "count_all")])
        told, rules = found.select(names), judgement.rules
        kind = np.asarray(found["kind"].to_pylist(), object)
        holds = policy.holding(found["kind"], told, rules)
        kept = policy.keeping(policy.deciding(holds, rules), rules)
        return cls(told, kind, found["count_all"].to_numpy(), rules, holds, kept)

    def counts(self, position: int, kinds: Sequence[str]) -> RuleCounts:
        rule = self.rules[position]
        matter = self._matter(position)
        own = [kind for kind in kinds if kind in rule.kinds]
        by_kind = {kind: self._count(position, matter, self.kind == kind) for kind in own}
        return RuleCounts(rule, self._count(position, matter, np.isin(self.kind, own)), by_kind)

    def fates(self, kind: str) -> Fates:
        rows = self.kind == kind
        flags = self.holds[:, [rule.action == "flag" for rule in self.rules]].any(axis=1)
        kept = self._sum(rows & self.kept)
        return Fates(self._sum(rows), kept, self._sum(rows) - kept, self._sum(rows & flags))

    def overlap(self) -> Overlap:
        dropping = [position for position, rule in enumerate(self.rules) if rule.action == "drop"]
        holds = self.holds[:, dropping].astype(np.int64)
        both = (holds * self.size[:, None]).T @ holds
        return Overlap(tuple(self.rules[position].name for position in dropping), tuple(map(tuple, both.tolist())))

    def _count(self, position: int, matter: np.ndarray, rows: np.ndarray) -> Count:
        untold = as_array(self.told.column(position).is_null())
        decided = self._decided(position)
        return Count(*(self._sum(rows & mask) for mask in (rows, self.holds[:, position], decided, matter, untold)))

    def _decided(self, position: int) -> np.ndarray:
        """For which patterns the rule is the first that holds and decides."""
        return policy.deciding(self.holds, self.rules) == position

    def _matter(self, position: int) -> np.ndarray:
        """Which patterns the rule decides on otherwise than the next that holds, if there is one, would."""
        later = self.holds.copy()
        later[:, : position + 1] = False
        kept = policy.keeping(policy.deciding(later, self.rules), self.rules)
        return self._decided(position) & (kept == (self.rules[position].action == "drop"))

    def _sum(self, mask: np.ndarray) -> int:
        return int(self.size[mask].sum())


def _failed(table: pa.Table) -> dict[str, int]:
    import pyarrow.compute as pc

    counts = pc.value_counts(pc.list_flatten(table["failed"])).to_pylist()
    return {entry["values"]: entry["counts"] for entry in sorted(counts, key=lambda entry: entry["values"])}
