"""Every candidate of a build, and how far each has come: the funnel, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidal.engine.build import Build
from vidal.engine.nodes import Node, Table
from vidal.engine.step import FAILED, OK, REJECTED, Step
from vidal.filter.tables import VERDICTS as VERDICTS_TABLE
from vidal.report.facts.amounts import Amount, amount

CANDIDATES, MEDIA, VERDICTS, SHARDS = "harvest/candidates", "harvest/media", "filter/verdicts", "shard/write"
INDEX = "shards/index.parquet"
DROPPED = "dropped"


@dataclass(frozen=True)
class Loss:
    """Samples that left at a step: `status` is rejected, dropped or failed, `reason` the rule or the class of error."""

    status: str
    reason: str
    amount: Amount


@dataclass(frozen=True)
class Passage:
    """One step of the funnel: what came to it, what went on, what left, and what it has not yet said anything of."""

    step: str
    entered: Amount
    passed: Amount
    pending: Amount
    losses: tuple[Loss, ...]


@dataclass(frozen=True)
class Ledger:
    """The candidates of a build, n rows: ids, kinds [n], seconds [n] (NaN where unknown), and which have not left."""

    ids: tuple[str, ...]
    rows: Mapping[str, int]
    kind: np.ndarray
    seconds: np.ndarray
    standing: np.ndarray
    passages: tuple[Passage, ...]

    def amount(self, mask: np.ndarray) -> Amount:
        return amount(self.kind, self.seconds, mask)

    def column(self, build: Build, step: str, name: str) -> list[Any]:
        """A column of a step's committed rows, a value per candidate, None where there is none."""
        found: list[Any] = [None] * len(self.ids)
        table = build.store(step).table([name])
        for id_, value in zip(table["id"].to_pylist(), table[name].to_pylist(), strict=True):
            if (row := self.rows.get(id_)) is not None:
                found[row] = value
        return found


def follow(build: Build) -> Ledger:
    """Follow every candidate through the steps that may take it out, as far as the build has come. What the rows of a
    step say counts where they are of its present settings and inputs; other samples are pending there."""
    found = build.store(CANDIDATES).table(["status", "kind", "seconds"]).to_pylist()
    found = [row for row in found if row["status"] == OK]
    rows = {row["id"]: place for place, row in enumerate(found)}
    kind = np.array([row["kind"] for row in found], object)
    seconds = np.array([_number(row["seconds"]) for row in found], float)
    if any(node.name == MEDIA for node in build.nodes):
        for row in build.store(MEDIA).table(["status", "seconds"]).to_pylist():
            if row["status"] == OK and row["id"] in rows:
                seconds[rows[row["id"]]] = _number(row["seconds"])
    standing = np.ones(len(found), bool)
    waiting = np.zeros(len(found), bool)
    passages = []
    for node in build.nodes:
        if not _gates(node):
            continue
        outcome = _outcomes(build, node, rows)
        here = standing & ~waiting
        if isinstance(node, Step):
            here &= np.isin(kind, sorted(node.kinds))
        passages.append(_passage(node.name, kind, seconds, here, outcome))
        gone = np.array([one is not None and one[0] != OK for one in outcome], bool)
        waiting |= here & np.array([one is None for one in outcome], bool)
        standing &= ~(here & gone)
    return Ledger(tuple(rows), rows, kind, seconds, standing, tuple(passages))


def _gates(node: Node) -> bool:
    """Whether a sample can leave the build at a node."""
    if isinstance(node, Table):
        return node.name in (VERDICTS, SHARDS)
    return node.stage != "filter" and node.name != "harvest/search"


def _passage(name: str, kind: np.ndarray, seconds: np.ndarray, here: np.ndarray, outcome: list[Any]) -> Passage:
    codes = {one: number for number, one in enumerate(dict.fromkeys(outcome))}
    of = np.array([codes[one] for one in outcome], int)
    amounts = {one: amount(kind, seconds, here & (of == number)) for one, number in codes.items()}
    nothing = amount(kind, seconds, np.zeros(len(kind), bool))
    losses = [Loss(*one, found) for one, found in amounts.items() if one and one[0] != OK and found.samples]
    losses.sort(key=lambda loss: (-loss.amount.samples, loss.status, loss.reason))
    passed = amounts.get((OK, ""), nothing)
    return Passage(name, amount(kind, seconds, here), passed, amounts.get(None, nothing), tuple(losses))


def _outcomes(build: Build, node: Node, rows: Mapping[str, int]) -> list[tuple[str, str] | None]:
    """What a node says of each candidate: status and reason; None where it has said nothing that holds."""
    found: list[tuple[str, str] | None] = [None] * len(rows)
    for id_, outcome in _said(build, node).items():
        if id_ in rows:
            found[rows[id_]] = outcome
    return found


def _said(build: Build, node: Node) -> dict[str, tuple[str, str]]:
    if node.name == SHARDS:
        written = build.workspace.exists(INDEX)
        keys = build.workspace.read_table(INDEX, ["key"])["key"].to_pylist() if written else []
        return dict.fromkeys(keys, (OK, ""))
    if node.name == VERDICTS:
        if not (build.has_run(VERDICTS) and build.workspace.exists(VERDICTS_TABLE)):
            return {}
        verdicts = build.workspace.read_table(VERDICTS_TABLE, ["id", "kept", "rule"]).to_pylist()
        return {row["id"]: (OK, "") if row["kept"] else (DROPPED, row["rule"]) for row in verdicts}
    if not all(build.has_run(name) for name in build.inputs_of(node)):
        return {}
    pending = {id_ for part in build.states(node) if part.work for id_ in part.work.ids}
    reasons = {OK: lambda row: "", REJECTED: lambda row: row["rule"], FAILED: lambda row: row["error_class"]}
    table = build.store(node.name).table(["status", "rule", "error_class"]).to_pylist()
    return {row["id"]: (row["status"], reasons[row["status"]](row)) for row in table if row["id"] not in pending}


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
