"""Samples one at a time in a child process, for a part that has killed its worker: the killer is quarantined."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from vidal.engine.attempt import Retry, attempt
from vidal.engine.errors import SampleError
from vidal.engine.step import Result, Sample, Step

CRASH = "WorkerCrash"


def isolated(step: Step, samples: Iterable[Sample], retry: Retry) -> Iterator[list[Result]]:
    """Results sample by sample. A sample whose child dies fails with class WorkerCrash; a fresh child goes on."""
    child: _Child | None = None
    try:
        for sample in samples:
            child = child or _Child(step, retry)
            results = child.ask(sample)
            if results is None:
                results = [sample.failed(SampleError(CRASH, f"the worker died on it ({child.death()})"))]
                child = None
            yield results
    finally:
        if child is not None:
            child.close()


class _Child:
    def __init__(self, step: Step, retry: Retry) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, step, retry), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, sample: Sample) -> list[Result] | None:
        """The sample's result, or None when the child died on it."""
        try:
            self._connection.send(sample)
            return self._connection.recv()
        except (EOFError, ConnectionError):
            return None

    def death(self) -> str:
        return death(self._process)

    def close(self) -> None:
        self._connection.close()
        self._process.join()


def death(process: BaseProcess) -> str:
    """Waits for the end of a process and says how it came."""
    process.join()
    code = process.exitcode or 0
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _serve(connection: Connection, step: Step, retry: Retry) -> None:
    step.setup()
    while True:
        try:
            sample = connection.recv()
        except EOFError:
            return
        connection.send(prepared(step, [sample], retry))


def prepared(step: Step, samples: list[Sample], retry: Retry) -> list[Result]:
    """Prepare and process one sample in place."""
    for sample in samples:
        try:
            step.prepare(sample)
        except Exception as error:
            return [sample.failed(error)]
    return attempt(step, samples, retry)
