"""The endpoint as a step uses it: questions in, answers or errors out, in the same order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from vidal.caption.llm import asks
from vidal.caption.llm.asks import Answer, Ask, Rejected, Reply, Unacceptable
from vidal.caption.llm.cache import Cache
from vidal.caption.llm.client import Client
from vidal.caption.llm.config import EndpointConfig
from vidal.caption.llm.ledger import Budget, Journal, Totals, spent
from vidal.caption.llm.sender import Sender
from vidal.engine.errors import SampleError, VidalError
from vidal.engine.workspace import Workspace

T = TypeVar("T")
FILES = 16
"""Files of the cache read and written at once."""


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
        self._cache = Cache(self.workspace)
        self._journal = Journal(self.workspace, self.key)
        self._running: dict[str, asyncio.Task[tuple[Reply, bool]]] = {}
        self._files = ThreadPoolExecutor(FILES, thread_name_prefix="llm-cache")
        budget = Budget(self.config.budget, before.dollars)
        self._sender = Sender(client, budget, self._journal, ever=before.calls > 0)
        self._loop = _Loop()

    def close(self) -> None:
        """End what `open` has started."""
        if self._loop is not None:
            self._journal.flush()
            self._loop.end()
            self._files.shutdown()
            self._loop = None

    def ask_all(self, questions: Sequence[Ask[T]]) -> list[Answer[T] | SampleError]:
        """The answer of each question, in their order, from the cache where it is there, or why there is none.

        A SampleError is the question's own (`Rejected` where the model has answered), a PendingError is nobody's; no
        other try in this run would help with either. Raises ConfigError or MissingError where nothing can be asked at
        all; what was answered until then is in the cache.
        """
        assert self._loop is not None, "the endpoint is not open"
        return self._loop.run(self._all(questions))

    async def _all(self, questions: Sequence[Ask[T]]) -> list[Answer[T] | SampleError]:
        ended = await asyncio.gather(*map(self._one, questions), return_exceptions=True)
        await self._in_thread(self._journal.flush)
        for kind in (VidalError, BaseException):
            for error in ended:
                if isinstance(error, kind) and not isinstance(error, SampleError):
                    raise error
        return ended  # type: ignore[return-value]

    async def _one(self, ask: Ask[T]) -> Answer[T]:
        """The answer, or that of the one repair."""
        first, named, cached = await self._reply(ask)
        try:
            return self._answer(ask, first, None, (named,), cached)
        except Unacceptable as reason:
            repair = asks.repair_of(ask, first, str(reason))
        second, again, known = await self._reply(repair)
        try:
            return self._answer(repair, second, first, (named, again), cached and known)
        except Unacceptable as reason:
            raise self._rejected("BadAnswer", str(reason), second, first, (named, again)) from None

    def _answer(
        self, ask: Ask[T], reply: Reply, before: Reply | None, names: tuple[str, ...], cached: bool
    ) -> Answer[T]:
        try:
            value = asks.value_of(ask, reply)
        except SampleError as error:
            raise self._rejected(error.error_class, str(error), reply, before, names) from None
        prompt, answer = _tokens(reply, before)
        price = self.config.price
        known = price is not None and prompt is not None and answer is not None
        cost = price.dollars(prompt, answer) if known else None  # type: ignore[union-attr,arg-type]
        return Answer(value, prompt, answer, cost, cached, names)

    def _rejected(
        self, error_class: str, message: str, reply: Reply, before: Reply | None, names: tuple[str, ...]
    ) -> Rejected:
        cut = reply.finish == "length"
        hint = f"; raise {self.key}.max_tokens" if cut else ""
        return Rejected(error_class, message + hint, names, *_tokens(reply, before))

    async def _reply(self, ask: Ask[Any]) -> tuple[Reply, str, bool]:
        """The response to a question, its name in the cache, and whether it was there. Equal requests that run at the
        same time are one."""
        body = asks.body_of(self.config, ask)
        name = asks.name_of(self.config, body)
        task = self._running.get(name)
        joined = task is not None
        if task is None:
            task = self._running[name] = asyncio.create_task(self._obtained(name, body))
            task.add_done_callback(lambda _: self._running.pop(name, None))
        reply, cached = await task
        if cached or joined:
            self._journal.add(Totals(cached=1))
        return reply, name, cached or joined

    async def _obtained(self, name: str, body: dict[str, Any]) -> tuple[Reply, bool]:
        found = await self._in_thread(self._cache.read, name)
        if found is not None:
            return found, True
        reply = await self._sender.send(body)
        await self._in_thread(self._cache.write, name, reply)
        return reply, False

    async def _in_thread(self, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._files, work, *given)


def _tokens(reply: Reply, before: Reply | None) -> tuple[int | None, int | None]:
    """The tokens of a reply and of the rejected one before it."""
    if before is None:
        return reply.prompt_tokens, reply.answer_tokens
    prompt = asks.added(before.prompt_tokens, reply.prompt_tokens)
    return prompt, asks.added(before.answer_tokens, reply.answer_tokens)


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
