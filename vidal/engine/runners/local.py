"""The local runner: this process, or a few processes of this machine that live as long as the build."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from vidal.engine.runners import WORKER_ENVIRONMENT, Handler, work_error
from vidal.engine.step import Resources


class LocalRunner:
    """`workers` processes (default: the machine's cores), or this very process where `workers` is 0."""

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = os.cpu_count() or 1 if workers is None else workers
        self._idle: list[_Worker] = []

    def run(self, handler: Handler, units: Sequence[Any], resources: Resources) -> Iterator[Any]:
        if not units:
            return
        if self.workers == 0:
            yield from _inline(handler, units)
            return
        limit = min(self.workers, resources.workers or self.workers, len(units))
        yield from self._pool(handler, units, limit)

    def _pool(self, handler: Handler, units: Sequence[Any], limit: int) -> Iterator[Any]:
        waiting = deque(units)
        busy: dict[Connection, tuple[_Worker, Any]] = {}
        try:
            while waiting or busy:
                while waiting and len(busy) < limit:
                    worker = self._idle.pop() if self._idle else _Worker()
                    unit = waiting.popleft()
                    worker.give(handler, unit)
                    busy[worker.connection] = (worker, unit)
                for connection in wait(list(busy)):
                    worker, unit = busy.pop(connection)  # type: ignore[arg-type]
                    try:
                        answer, error = worker.connection.recv()
                    except (EOFError, ConnectionError):
                        worker.end()
                        waiting.append(unit)
                        continue
                    self._idle.append(worker)
                    if error is not None:
                        raise work_error(handler, unit, error)
                    yield answer
        finally:
            for worker, _ in busy.values():
                worker.end()

    def close(self) -> None:
        for worker in self._idle:
            worker.end()
        self._idle.clear()


class _Worker:
    """A child process that serves one unit at a time, and keeps a handler set up until it is given another."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
        os.environ.update(WORKER_ENVIRONMENT)
        try:
            self._process = context.Process(target=_serve, args=(theirs,))
            self._process.start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        theirs.close()
        self._handler: Handler | None = None

    def give(self, handler: Handler, unit: Any) -> None:
        new = None if handler is self._handler else handler
        self._handler = handler
        self.connection.send((new, unit))

    def end(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _inline(handler: Handler, units: Sequence[Any]) -> Iterator[Any]:
    handler.setup()
    for unit in units:
        try:
            answer = handler(unit)
        except Exception as error:
            raise work_error(handler, unit, error) from error
        yield answer


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handler: Handler | None = None
    while True:
        try:
            new, unit = connection.recv()
        except (EOFError, ConnectionError):
            return
        try:
            if new is not None:
                handler = new
                handler.setup()
            answer = (handler(unit), None)  # type: ignore[misc]
        except Exception as error:
            answer = (None, error)
        connection.send(answer)
