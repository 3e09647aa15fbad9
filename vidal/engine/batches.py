"""The batches of one part: inputs prepared ahead on one thread, processed on others, the time of it all counted."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from typing import TypeVar

from vidal.engine.attempt import Retry, attempt
from vidal.engine.step import Result, Sample, Step

T = TypeVar("T")


class Clock:
    """The wall time of a step's own code, from several threads: `busy` added up over them, `active` counted once."""

    def __init__(self) -> None:
        self.busy = 0.0
        self.active = 0.0
        self._running = 0
        self._since = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._lock:
            if self._running == 0:
                self._since = time.perf_counter()
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if self._running == 0:
                    self.active += time.perf_counter() - self._since

    def attempt(self, step: Step, batch: list[Sample], retry: Retry) -> list[Result]:
        started = time.perf_counter()
        try:
            with self.running():
                return attempt(step, batch, retry)
        finally:
            with self._lock:
                self.busy += time.perf_counter() - started

    def own(self, batches: Iterable[T]) -> Iterator[T]:
        """The batches, the making of each counted."""
        batches = iter(batches)
        while True:
            with self.running():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch


def batches_of(step: Step, samples: Iterable[Sample], retry: Retry, clock: Clock) -> Iterator[list[Result]]:
    """Prepare ahead on one thread, process batches on `threads` others; batches come back as they are done."""
    size, threads = step.resources.batch_size, step.resources.threads
    running: set[Future[list[Result]]] = set()
    batch: list[Sample] = []
    with ThreadPoolExecutor(threads) as pool:
        for item in _ahead(_prepared(step, samples, clock), 2 * size * threads):
            if isinstance(item, Result):
                yield [item]
                continue
            batch.append(item)
            if len(batch) == size:
                running.add(pool.submit(clock.attempt, step, batch, retry))
                batch = []
            if len(running) > threads:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        if batch:
            running.add(pool.submit(clock.attempt, step, batch, retry))
        yield from (future.result() for future in as_completed(running))


def _prepared(step: Step, samples: Iterable[Sample], clock: Clock) -> Iterator[Sample | Result]:
    for sample in samples:
        try:
            with clock.running():
                step.prepare(sample)
        except Exception as error:
            yield sample.failed(error)
        else:
            yield sample


def _ahead(items: Iterable[T], depth: int) -> Iterator[T]:
    """The items, produced on another thread up to `depth` ahead of their use."""
    buffer: queue.Queue[tuple[bool, object]] = queue.Queue(depth)
    stop = threading.Event()

    def put(entry: tuple[bool, object]) -> None:
        while not stop.is_set():
            try:
                buffer.put(entry, timeout=0.1)
                return
            except queue.Full:
                continue

    def produce() -> None:
        try:
            for item in items:
                put((False, item))
                if stop.is_set():
                    return
            put((True, None))
        except BaseException as error:
            put((True, error))

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        while True:
            last, item = buffer.get()
            if not last:
                yield item  # type: ignore[misc]
            elif item is None:
                return
            else:
                raise item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
