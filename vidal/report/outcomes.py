"""What became of every candidate: kept, or where it left the build and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vidal.engine.build import Build
from vidal.engine.nodes import Table
from vidal.engine.step import FAILED, REJECTED, Step
from vidal.filter.tables import VERDICTS as VERDICTS_TABLE

CANDIDATES = "harvest/candidates"
VERDICTS = "filter/verdicts"


@dataclass(frozen=True)
class Outcome:
    """`status` is kept, rejected (by a rule on texts), dropped (by a verdict) or failed; `step` and `reason` (the rule
    or the error class) say where and why, and are empty for a kept sample."""

    status: str
    step: str = ""
    reason: str = ""


KEPT = Outcome("kept")


def outcomes(build: Build) -> dict[str, Outcome]:
    """The outcome of every candidate of a build that has run to its end. A score that failed is no outcome: what
    becomes of the sample is the verdict's to say."""
    rows = build.store(CANDIDATES).table(["status"]).to_pylist()
    found = {row["id"]: KEPT for row in rows if row["status"] == "ok"}
    for node in build.nodes:
        if node.name == VERDICTS:
            left = _by_verdicts(build)
        elif isinstance(node, Table) or node.name == "harvest/search" or node.stage == "filter":
            continue
        else:
            left = _by_step(build, node)
        for id_, outcome in left.items():
            if found.get(id_) == KEPT:
                found[id_] = outcome
    return found


def funnel(outcomes: Mapping[str, Outcome]) -> list[tuple[Outcome, int]]:
    """How many samples had each outcome: kept first, then by the name of the step, the most common of a step first."""
    counts = Counter(outcomes.values())

    def place(item: tuple[Outcome, int]) -> tuple:
        outcome, count = item
        return outcome != KEPT, outcome.step, -count, outcome.reason, outcome.status

    return sorted(counts.items(), key=place)


def _by_step(build: Build, node: Step) -> dict[str, Outcome]:
    table = build.store(node.name).table(["status", "rule", "error_class"])
    left = {}
    for row in table.to_pylist():
        if row["status"] == REJECTED:
            left[row["id"]] = Outcome("rejected", node.name, row["rule"])
        elif row["status"] == FAILED:
            left[row["id"]] = Outcome("failed", node.name, row["error_class"])
    return left


def _by_verdicts(build: Build) -> dict[str, Outcome]:
    rows: Sequence[Mapping] = build.workspace.read_table(VERDICTS_TABLE, columns=["id", "kept", "rule"]).to_pylist()
    return {row["id"]: Outcome("dropped", VERDICTS, row["rule"]) for row in rows if not row["kept"]}
