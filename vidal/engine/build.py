"""The build: nodes in order, each brought up to date, counted, recorded."""

from __future__ import annotations

import copy
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from vidal.engine import forgotten, pending, settled
from vidal.engine.attempt import Retry
from vidal.engine.commits import Store
from vidal.engine.errors import MissingError
from vidal.engine.nodes import Context, Node, Table, Verdicts, fingerprint_of
from vidal.engine.progress import Observer, StepReport
from vidal.engine.runners import Runner
from vidal.engine.runs import RunRecord
from vidal.engine.step import Resources, Step
from vidal.engine.worker import Job, PartRunner, Report
from vidal.engine.workspace import Workspace

MARKER = re.compile(r"run-[0-9a-f]{12}\.json")
"""The name of a `marker`."""


@dataclass(frozen=True)
class Options:
    """How to run, as against what to build. `limit` is the most samples any step takes up in this run;
    `retry_failed` the error classes made pending again (None: none; empty: all)."""

    stages: tuple[str, ...] = ()
    limit: int | None = None
    retry_failed: frozenset[str] | None = None
    retry: Retry = Retry()


@dataclass(frozen=True)
class Outlook:
    """The number of samples that a step wants, and the ids of those that are pending."""

    wanted: int
    pending: tuple[str, ...]


class Build:
    """One pipeline's nodes over one workspace.

    `runner_for` gives the runner for an amount of pending samples; it is asked before each step.
    """

    def __init__(
        self,
        workspace: Workspace,
        nodes: Sequence[Node],
        options: Options,
        resources: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.workspace = workspace
        self.nodes = list(nodes)
        self.options = options
        self.fingerprints = {node.name: fingerprint_of(node) for node in nodes}
        self._resources = resources or {}
        self._outlooks: dict[str, Outlook] = {}

    @property
    def selected(self) -> list[Node]:
        stages = self.options.stages
        return [node for node in self.nodes if not stages or node.stage in stages]

    def run(self, runner_for: Any, observer: Observer, record: RunRecord) -> list[StepReport]:
        """Bring every selected node up to date. Raises MissingError where an unselected node has left nothing."""
        reports = []
        for node in self.selected:
            self.require_inputs(node)
            started = time.perf_counter()
            if isinstance(node, Table):
                report = self._run_table(node, runner_for, observer)
                self._mark_run(node, report)
            elif known := self._settled(node):
                report = known
                observer.begun(node.name, 0)
                record.event("step_begun", step=node.name, pending=0, parts=0)
            else:
                report = self._run_step(node, runner_for, observer, record)
                self._mark_run(node, report)
            report = replace(report, seconds=time.perf_counter() - started)
            record.event("step_ended", **asdict(report))
            observer.ended(report)
            reports.append(report)
        return reports

    def states(self, step: Step) -> list[pending.PartState]:
        """The state of every part of a step, as it stands."""
        kept, retry = self._kept(step), self.options.retry_failed
        return list(pending.states(step, self.store(step.name), self.stores(step), kept, retry))

    def outlook(self, step: Step) -> Outlook:
        """What is left to do for a step. Rows are read where anything is pending, and once for as long as all that
        decides this is the same."""
        if known := self._settled(step):
            return Outlook(known.wanted, ())
        state = self._settled_state(step)
        if state not in self._outlooks:
            states = self.states(step)
            pending = tuple(id_ for part in states if part.work for id_ in part.work.ids)
            self._outlooks[state] = Outlook(sum(part.wanted for part in states), pending)
        return self._outlooks[state]

    def expected(self, step: Step) -> Iterator[str]:
        """The samples that a step will want once all it reads is there, by the verdicts and the reads there are."""
        known = copy.copy(step)
        known.reads = tuple(read for read in step.reads if self.has_run(read.step))
        if known.reads and step.gate and self.has_run(step.gate):
            yield from (id_ for part in self.states(known) if part.work for id_ in part.work.ids)

    def stores(self, step: Step) -> Mapping[str, Store]:
        """What is committed of each step that a step reads."""
        return {read.step: self.store(read.step) for read in step.reads}

    def store(self, name: str) -> Store:
        return Store(self.workspace, name, self.fingerprints[name])

    def has_run(self, name: str) -> bool:
        """Whether a node has been run under its current settings, even if it found nothing to do."""
        return self.workspace.exists(marker(name, self.fingerprints[name])) or (
            not isinstance(self._node(name), Table) and bool(self.store(name).pieces())
        )

    def inputs_of(self, node: Node) -> list[str]:
        """The names of the nodes whose results a node needs."""
        if isinstance(node, Table):
            return list(node.reads)
        return [read.step for read in node.reads] + ([node.gate] if node.gate else [])

    def require_inputs(self, node: Node) -> None:
        for name in self.inputs_of(node):
            if not self.has_run(name):
                stage = name.split("/", 1)[0]
                raise MissingError(
                    f"{node.name} needs {name}, which has not been built in {self.workspace.url} under the current "
                    f"settings; run `vidal build --stage {stage}` first"
                )

    def _node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def _kept(self, step: Step) -> Mapping[int, frozenset[str]] | None:
        if step.gate is None:
            return None
        gate = self._node(step.gate)
        assert isinstance(gate, Verdicts)
        return gate.kept(self.workspace)

    def _mark_run(self, node: Node, report: StepReport) -> None:
        summary = {"step": node.name, "wanted": report.wanted, "failures": report.failures}
        if isinstance(node, Step) and report.already + report.done == report.wanted:
            summary["settled"] = self._settled_state(node)
        if self._marked(node) != summary:
            self.workspace.write_json(marker(node.name, self.fingerprints[node.name]), summary)

    def _marked(self, node: Node) -> dict[str, Any]:
        """What the last run of a node under its current settings has left on it."""
        name = marker(node.name, self.fingerprints[node.name])
        return self.workspace.read_json(name) if self.workspace.exists(name) else {}

    def _settled_state(self, step: Step) -> str:
        return settled.state(step, self.store(step.name), self.stores(step), self._kept(step))

    def _settled(self, step: Step) -> StepReport | None:
        """The report of a step of which nothing is pending, where that is known without reading its rows."""
        marked = self._marked(step)
        if self.options.retry_failed is not None or "settled" not in marked:
            return None
        if marked["settled"] != self._settled_state(step):
            return None
        return StepReport(step.name, marked["wanted"], marked["wanted"], 0, failures=marked["failures"])

    def _run_table(self, node: Table, runner_for: Any, observer: Observer) -> StepReport:
        observer.begun(node.name, 0)
        context = Context(self.workspace, self.fingerprints, _Lazy(runner_for))
        summary = node.run(context)
        return StepReport(
            node.name, summary.wanted, summary.already, summary.done, summary.rejected, notes=summary.notes
        )

    def _run_step(self, node: Step, runner_for: Any, observer: Observer, record: RunRecord) -> StepReport:
        states = self.states(node)
        works = limited((state.work for state in states if state.work), self.options.limit)
        todo = sum(len(work) for work in works)
        observer.begun(node.name, todo)
        record.event("step_begun", step=node.name, pending=todo, parts=len(works))
        total = Report(node.name, 0)
        paid: dict[str, float] = {}
        if works:
            for line in node.forecast((id_ for work in works for id_ in work.ids), self.stores(node)):
                observer.said(line)
            before = node.spent()
            resources = self.resources(node)
            node.resources = resources
            node.keep_out(forgotten.read(self.workspace))
            reads = {name: self.fingerprints[name] for name in [node.name, *(read.step for read in node.reads)]}
            job = Job(self.workspace, node, reads, record.id, self.options.retry)
            for report in runner_for(todo).run(PartRunner(job), works, resources):
                record.event("part_committed", step=node.name, **asdict(report))
                observer.advanced(report.samples)
                total = _add(total, report)
            paid = {name: amount - before.get(name, 0) for name, amount in node.spent().items()}
        return StepReport(
            step=node.name,
            wanted=sum(state.wanted for state in states),
            already=sum(state.done for state in states),
            done=total.samples - sum(total.pending.values()),
            pending=total.pending,
            spent=paid,
            rejected=total.rejected,
            failed=total.failed,
            failures=sum(state.failed for state in states) + sum(total.failed.values()),
            busy=total.busy,
            worked=total.seconds,
            active=total.active,
            cpu=total.cpu,
            notes=node.advice(total.pending) if total.pending else (),
        )

    def resources(self, step: Step) -> Resources:
        """The step's own resources with the pipeline file's overrides."""
        return replace(step.resources, **self._resources.get(step.name, {}))


class _Lazy:
    """A runner that is chosen when it is first used, by the number of units."""

    name = "lazy"

    def __init__(self, runner_for: Any) -> None:
        self._runner_for = runner_for

    def run(self, handler: Any, units: Sequence[Any], resources: Resources) -> Iterable[Any]:
        runner: Runner = self._runner_for(sum(len(unit) for unit in units))
        return runner.run(handler, units, resources)

    def close(self) -> None:
        return


def limited(works: Iterable[pending.PartWork], limit: int | None) -> list[pending.PartWork]:
    """The works in order, cut after `limit` samples."""
    taken: list[pending.PartWork] = []
    left = limit
    for work in works:
        if left is None or len(work) <= left:
            taken.append(work)
            left = None if left is None else left - len(work)
        elif left > 0:
            taken.append(replace(work, ids=work.ids[:left]))
            left = 0
    return taken


def above_tolerance(reports: Collection[StepReport], tolerance: float) -> list[str]:
    """Steps of which more than the share `tolerance` of the wanted samples failed."""
    return [report.step for report in reports if report.wanted and report.failures > tolerance * report.wanted]


def marker(name: str, fingerprint: str) -> str:
    """The file that tells of the last run of a node under a fingerprint."""
    return f"{name}/run-{fingerprint}.json"


def _add(total: Report, report: Report) -> Report:
    return Report(
        label=total.label,
        samples=total.samples + report.samples,
        ok=total.ok + report.ok,
        rejected=dict(Counter(total.rejected) + Counter(report.rejected)),
        failed=dict(Counter(total.failed) + Counter(report.failed)),
        pending=dict(Counter(total.pending) + Counter(report.pending)),
        seconds=total.seconds + report.seconds,
        busy=total.busy + report.busy,
        active=total.active + report.active,
        cpu=total.cpu + report.cpu,
    )
