"""The local runner: this process, or a few processes of this machine that live as long as the build."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from vidal.engine.isolation import death
from vidal.engine.runners import WORKER_ENVIRONMENT, Handler, portable, work_error
from vidal.engine.step import Resources

DEATHS = 4
"""Deaths of its worker after which a unit is given up. A part is isolated sooner (`vidal.engine.worker`), so what dies
still is the set-up of the worker, or the machine."""


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
        """All workers are started before one is given a unit: one larger than a pipe holds waits until it is read."""
        waiting = deque((unit, 0) for unit in units)
        busy: dict[Connection, tuple[_Worker, Any, int]] = {}
        self._idle += [_Worker() for _ in range(limit - len(self._idle))]
        try:
            while waiting or busy:
                while waiting and len(busy) < limit:
                    worker = self._worker()
                    unit, deaths = waiting.popleft()
                    busy[worker.connection] = (worker, unit, deaths)
                    worker.give(handler, unit)
                for connection in wait(list(busy)):
                    worker, unit, deaths = busy.pop(connection)  # type: ignore[arg-type]
                    try:
                        answer, error = worker.connection.recv()
                    except (EOFError, ConnectionError):
                        cause = worker.death()
                        if deaths + 1 == DEATHS:
                            raise work_error(handler, unit, f"its worker died {DEATHS} times ({cause})") from None
                        waiting.append((unit, deaths + 1))
                        continue
                    self._idle.append(worker)
                    if error is not None:
                        raise work_error(handler, unit, error)
                    yield answer
        finally:
            for worker, *_ in busy.values():
                worker.end()

    def _worker(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            worker.end()
        return _Worker()

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

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def death(self) -> str:
        """How the process died; its connection has been lost."""
        self.connection.close()
        return death(self._process)

    def end(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _inline(handler: Handler, units: Sequence[Any]) -> Iterator[Any]:
    ready = False
    for unit in units:
        try:
            if not ready:
                handler.setup()
                ready = True
            answer = handler(unit)
        except Exception as error:
            raise work_error(handler, unit, portable(error)) from error
        yield answer


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
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
            answer = (None, portable(error))
        connection.send(answer)


def _end_with_parent() -> None:
    """End this worker with the build: what it works on is another build's from then on."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
