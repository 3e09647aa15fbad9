"""The endpoint as a step uses it: questions in, answers or errors out, in the same order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from vidal.caption.llm import asks, forecast
from vidal.caption.llm.asks import Answer, Ask
from vidal.caption.llm.batch import Batches, opened
from vidal.caption.llm.batched import Batched
from vidal.caption.llm.cache import FILES, AsyncCache, Cache
from vidal.caption.llm.client import Client
from vidal.caption.llm.config import EndpointConfig
from vidal.caption.llm.direct import Direct
from vidal.caption.llm.ledger import Budget, Journal, spent
from vidal.caption.llm.sender import Sender
from vidal.engine.errors import SampleError, VidalError
from vidal.engine.workspace import Workspace

T = TypeVar("T")


class Endpoint:
    """One model, asked by one worker: pace, budget and accounting are exact only where nobody else asks for the same
    section of the pipeline file, whose key is `key`.

    `open` makes it ready; an endpoint that travels to another process is opened there.
    """

    def __init__(self, config: EndpointConfig, workspace: Workspace, key: str) -> None:
        self.config, self.workspace, self.key = config, workspace, key
        self._loop: _Loop | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Endpoint, (self.config, self.workspace, self.key)

    def open(self) -> None:
        """Raises MissingError where the API key is not set."""
        client = Client(self.config, self.key)
        before = spent(self.workspace, self.key)
        budget = Budget(self.config.budget, before.dollars)
        self._journal = Journal(self.workspace, self.key)
        self._cache = AsyncCache(self.workspace)
        self._way: Direct | Batched
        if self.config.batch:
            batches = Batches(client, self.workspace, self.key)
            self._way = Batched(self.config, self._cache, self._journal, budget, batches, self.key)
        else:
            sender = Sender(client, budget, self._journal, ever=before.calls > 0)
            self._way = Direct(self.config, self._cache, self._journal, sender)
        self._loop = _Loop()

    def close(self) -> None:
        """End what `open` has started."""
        if self._loop is not None:
            self._journal.close()
            self._loop.end()
            self._cache.close()
            self._loop = None

    def ask_all(self, questions: Sequence[Ask[T]]) -> list[Answer[T] | SampleError]:
        """The answer of each question, in their order, from the cache where it is there, or why there is none.

        A SampleError is the question's own (`Rejected` where the model has answered), a PendingError is nobody's; no
        other try in this run would help with either. Raises ConfigError or MissingError where nothing can be asked at
        all; what was answered until then is in the cache.
        """
        assert self._loop is not None, "the endpoint is not open"
        ended = self._loop.run(self._way.all(questions))
        self._journal.flush()
        for kind in (VidalError, BaseException):
            for error in ended:
                if isinstance(error, kind) and not isinstance(error, SampleError):
                    raise error
        return ended  # type: ignore[return-value]

    def spent(self) -> Mapping[str, float]:
        """What was asked for this section in this workspace so far, and what it cost, by kind."""
        return forecast.counted(spent(self.workspace, self.key), self.config.price is not None)

    def forecast(self, samples: int, surveyed: Iterable[Ask[Any]]) -> tuple[str, ...]:
        """Lines on what asking about so many samples takes, as the questions about some of them show."""
        cache = Cache(self.workspace)
        under_way = {name for batch in opened(self.workspace, self.key) for name in batch.requests}
        bodies = {asks.name_of(self.config, body): body for body in (asks.body_of(self.config, a) for a in surveyed)}
        with ThreadPoolExecutor(FILES) as pool:
            there = dict(zip(bodies, pool.map(cache.has, bodies), strict=True))
        sizes = [asks.size_of(body) for name, body in bodies.items() if not there[name] and name not in under_way]
        survey = forecast.Survey(samples, sizes, len(bodies) - len(sizes))
        return forecast.lines(self.config, self.key, survey, spent(self.workspace, self.key))

    def advice(self, pending: Mapping[str, int]) -> tuple[str, ...]:
        """Lines on how to go on with what was left pending, given how many by cause."""
        used = spent(self.workspace, self.key).dollars
        return forecast.advice(self.config, self.key, pending, used)


class _Loop:
    """An event loop on a thread of its own, for callers on any other thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="llm", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
