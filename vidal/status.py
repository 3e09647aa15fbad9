"""What a workspace holds against what a pipeline file wants: progress and failures, read from the parts alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.compute as pc

from vidal.engine.build import MARKER, Build
from vidal.engine.commits import all_pieces
from vidal.engine.nodes import Node, Spine, Table
from vidal.engine.step import FAILED

DONE, PENDING, STALE, WAITING = "done", "pending", "stale", "waiting"
CANDIDATES = "harvest/candidates"


@dataclass(frozen=True)
class StepStatus:
    """One step: `wanted` and `pending` samples (None before its inputs are built, and for whole-table work), committed
    rows by status, and `stale` pieces of other fingerprints.

    `state` is done; pending, where there is work; stale, where what there is was made under other settings or of other
    inputs and will be made again; waiting, for steps before it. `forecast` are lines on what the pending samples take,
    or those that will be pending.
    """

    step: str
    state: str
    wanted: int | None
    pending: int | None
    statuses: dict[str, int]
    stale: int
    forecast: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedSample:
    """A row of the failure ledger. `url` is where the sample came from: a page or, in a folder, a file's name; None for
    a query."""

    step: str
    id: str
    error_class: str
    message: str
    attempts: int
    traceback_hash: str
    url: str | None


def step_statuses(build: Build) -> Iterator[StepStatus]:
    """The status of every selected step of a build, in order."""
    selected = {node.name for node in build.selected}
    states: dict[str, str] = {}
    for node in build.nodes:
        status = _status(build, node, ready=all(states[name] == DONE for name in build.inputs_of(node)))
        states[node.name] = status.state
        if node.name in selected:
            yield status


def _status(build: Build, node: Node, ready: bool) -> StepStatus:
    if isinstance(node, Table) and not isinstance(node, Spine):
        return StepStatus(node.name, _table_state(build, node, ready), None, None, {}, 0)
    store = build.store(node.name)
    stale = sum(piece.fingerprint != store.fingerprint for piece in all_pieces(build.workspace, node.name))
    counted = pc.value_counts(store.table(["status"])["status"])
    statuses = dict(sorted(zip(*(counted.field(name).to_pylist() for name in ("values", "counts")), strict=True)))
    if isinstance(node, Table):
        return StepStatus(node.name, _table_state(build, node, ready), None, None, statuses, stale)
    if not all(build.has_run(name) for name in build.inputs_of(node)):
        forecast = node.forecast(build.expected(node), build.stores(node))
        return StepStatus(node.name, WAITING, None, None, statuses, stale, forecast)
    outlook = build.outlook(node)
    forecast = node.forecast(outlook.pending, build.stores(node)) if outlook.pending else ()
    outdated = STALE if stale and not statuses else PENDING
    state = outdated if outlook.pending else DONE if ready else WAITING
    return StepStatus(node.name, state, outlook.wanted, len(outlook.pending), statuses, stale, forecast)


def _table_state(build: Build, node: Table, ready: bool) -> str:
    if build.has_run(node.name):
        return DONE if ready else STALE
    if any(MARKER.fullmatch(name) for name in build.workspace.list(node.name)):
        return STALE
    return PENDING if ready else WAITING


def failures(build: Build) -> Iterator[FailedSample]:
    """Every failed sample of every step, under the current settings."""
    columns = ["status", "error_class", "error_message", "attempts", "traceback_hash"]
    urls: dict[str, str] | None = None
    for node in build.selected:
        if isinstance(node, Table):
            continue
        table = build.store(node.name).table(columns)
        for row in table.filter(pc.equal(table["status"], FAILED)).to_pylist():
            if urls is None:
                found = build.store(CANDIDATES).table(["url"]).to_pylist()
                urls = {candidate["id"]: candidate["url"] for candidate in found}
            yield FailedSample(
                node.name,
                row["id"],
                row["error_class"],
                row["error_message"],
                row["attempts"],
                row["traceback_hash"],
                urls.get(row["id"]),
            )
