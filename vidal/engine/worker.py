"""One part of one step in a worker: read, prepare, process, commit."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from vidal.engine.attempt import Retry
from vidal.engine.batches import Clock, batches_of
from vidal.engine.commits import Piece, Row, Store
from vidal.engine.isolation import isolated
from vidal.engine.pending import Inputs, PartWork
from vidal.engine.step import FAILED, OK, PENDING, REJECTED, Result, Sample, Step
from vidal.engine.workspace import Workspace

CRASHES = 2
"""Deaths of its worker after which a part is run sample by sample in a child process (DESIGN, a step)."""
COMMIT_S = 120.0
"""Seconds of work after which what is done of a part is committed: all that an interruption can cost."""


@dataclass(frozen=True)
class Report:
    """What became of one unit of work. `pending` counts, by cause, samples of which nothing could be said. `seconds` is
    its whole wall time, `busy` the part of it spent in `process`, `active` the part in which the step's own code ran at
    all, `prepare` included."""

    label: str
    samples: int
    ok: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    busy: float = 0.0
    active: float = 0.0
    cpu: float = 0.0


@dataclass(frozen=True)
class Job:
    """All a worker needs to run parts of a step. `fingerprints` covers the step and every step it reads."""

    workspace: Workspace
    step: Step
    fingerprints: Mapping[str, str]
    run: str
    retry: Retry

    def store(self, step: str) -> Store:
        return Store(self.workspace, step, self.fingerprints[step])


class PartRunner:
    """The handler both runners call with PartWork. Made on the driver, set up once in each worker."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.name = job.step.name

    def setup(self) -> None:
        self.job.step.setup()

    def __call__(self, work: PartWork) -> Report:
        started, cpu = time.perf_counter(), _cpu_seconds()
        step, workspace = self.job.step, self.job.workspace
        inputs = Inputs(step, {read.step: self.job.store(read.step) for read in step.reads})
        joined = inputs.rows(work.sources)
        rows = {id_: joined[id_] for id_ in work.ids if id_ in joined}
        clock = Clock()
        with _claim(workspace, f"runs/{self.job.run}/claims/{self.name.replace('/', '-')}-{work.label}") as crashes:
            samples = _samples(inputs, rows)
            if crashes < CRASHES:
                batches = batches_of(step, samples, self.job.retry, clock)
            else:
                batches = clock.own(isolated(step, samples, self.job.retry))
            results = self._committed(work, itertools.chain.from_iterable(batches), inputs, rows)
        return Report(
            label=work.label,
            samples=len(results),
            ok=sum(result.status == OK for result in results),
            rejected=dict(Counter(result.rule or "" for result in results if result.status == REJECTED)),
            failed=_errors(results, FAILED),
            pending=_errors(results, PENDING),
            seconds=time.perf_counter() - started,
            busy=clock.busy / step.resources.threads,
            active=clock.active,
            cpu=_cpu_seconds() - cpu,
        )

    def _committed(
        self, work: PartWork, results: Iterable[Result], inputs: Inputs, rows: Mapping[str, list[Row]]
    ) -> list[Result]:
        """Commit results as they come, a piece every COMMIT_S seconds; all of them, without their members."""
        store, step, numbers = self.job.store(self.name), self.job.step, itertools.count(work.number)
        done: list[Result] = []
        waiting: list[Result] = []

        def commit() -> None:
            if waiting:
                stamps = {result.id: inputs.stamp(rows[result.id], result.status) for result in waiting}
                store.write(Piece(work.part, next(numbers), store.fingerprint), waiting, stamps, step.columns)
                done.extend(replace(result, members={}) for result in waiting)
                waiting.clear()

        began = time.monotonic()
        for result in results:
            if result.status == PENDING:
                done.append(result)
                continue
            waiting.append(replace(result, attempts=result.attempts + work.attempts.get(result.id, 0)))
            if time.monotonic() - began > COMMIT_S:
                commit()
                began = time.monotonic()
        commit()
        return done


class _claim:
    """Marks a unit as begun, and tells how often it was begun and never ended: its worker died each time."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace, self._name = workspace, name

    def __enter__(self) -> int:
        crashes = int(self._workspace.read_bytes(self._name)) if self._workspace.exists(self._name) else 0
        self._workspace.write_bytes(self._name, str(crashes + 1).encode())
        return crashes

    def __exit__(self, *error: object) -> None:
        self._workspace.remove(self._name)


def _samples(inputs: Inputs, rows: Mapping[str, list]) -> Iterator[Sample]:
    """The samples of a part with the columns and members the step reads, in order of id."""
    ids = sorted(rows)
    reads = inputs.step.reads
    streams = [
        inputs.stores[read.step].members([rows[id_][position] for id_ in ids], read)
        for position, read in enumerate(reads)
    ]
    for id_, *contents in zip(ids, *streams, strict=True):
        columns, members = {}, {}
        for read, row, content in zip(reads, rows[id_], contents, strict=True):
            columns.update({name: row[name] for name in (*read.columns, *read.hints)})
            members.update(content)
        yield Sample(id_, rows[id_][0]["kind"], columns, members)


def _errors(results: Iterable[Result], status: str) -> dict[str, int]:
    return dict(Counter(r.failure.error_class for r in results if r.status == status and r.failure))


def _cpu_seconds() -> float:
    """CPU seconds of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
