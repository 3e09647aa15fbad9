"""What a workspace holds against what a pipeline file wants: progress and failures, read from the parts alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vidal.engine.build import Build
from vidal.engine.commits import all_pieces
from vidal.engine.nodes import Spine, Table
from vidal.engine.step import FAILED


@dataclass(frozen=True)
class StepStatus:
    """One step: `wanted` and `pending` samples (None before its inputs are built), committed rows by status, and
    `stale` pieces of other fingerprints."""

    step: str
    wanted: int | None
    pending: int | None
    statuses: dict[str, int]
    stale: int


@dataclass(frozen=True)
class FailedSample:
    """A row of the failure ledger."""

    step: str
    id: str
    error_class: str
    message: str
    attempts: int
    traceback_hash: str


def step_statuses(build: Build) -> Iterator[StepStatus]:
    """The status of every step of a build, in order."""
    for node in build.selected:
        if isinstance(node, Table) and not isinstance(node, Spine):
            continue
        store = build.store(node.name)
        table = store.table(["status"])
        values = table.column("status").to_pylist()
        statuses = {status: values.count(status) for status in sorted(set(values))}
        stale = sum(p.fingerprint != store.fingerprint for p in all_pieces(build.workspace, node.name))
        if isinstance(node, Table) or not all(build.has_run(name) for name in build.inputs_of(node)):
            yield StepStatus(node.name, None, None, statuses, stale)
            continue
        states = build.states(node)
        pending = sum(len(state.work) for state in states if state.work)
        yield StepStatus(node.name, sum(state.wanted for state in states), pending, statuses, stale)


def failures(build: Build) -> Iterator[FailedSample]:
    """Every failed sample of every step, under the current settings."""
    columns = ["status", "error_class", "error_message", "attempts", "traceback_hash"]
    for node in build.selected:
        if isinstance(node, Table):
            continue
        table = build.store(node.name).table(columns)
        for row in table.to_pylist():
            if row["status"] == FAILED:
                yield FailedSample(
                    node.name,
                    row["id"],
                    row["error_class"],
                    row["error_message"],
                    row["attempts"],
                    row["traceback_hash"],
                )
