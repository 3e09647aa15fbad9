"""Replies at once: from the cache, else from the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from vidal.caption.llm import asks
from vidal.caption.llm.answering import Given, answered
from vidal.caption.llm.asks import Answer, Ask, Reply
from vidal.caption.llm.cache import AsyncCache
from vidal.caption.llm.config import EndpointConfig
from vidal.caption.llm.ledger import Journal, Totals
from vidal.caption.llm.sender import Sender

T = TypeVar("T")


class Direct:
    """Asks a request when its answer is wanted. What is received lies in the cache before it is used."""

    def __init__(self, config: EndpointConfig, cache: AsyncCache, journal: Journal, sender: Sender) -> None:
        self._config, self._cache, self._journal, self._sender = config, cache, journal, sender
        self._running: dict[str, asyncio.Task[tuple[Reply, bool]]] = {}

    async def all(self, questions: Sequence[Ask[T]]) -> list[Answer[T] | BaseException]:
        """The answer of each question, or why there is none."""
        work = (answered(ask, self._give, self._config.price) for ask in questions)
        return await asyncio.gather(*work, return_exceptions=True)

    async def _give(self, ask: Ask[Any]) -> Given:
        """Equal requests that run at the same time are one."""
        body = asks.body_of(self._config, ask)
        name = asks.name_of(self._config, body)
        task = self._running.get(name)
        joined = task is not None
        if task is None:
            task = self._running[name] = asyncio.create_task(self._obtained(name, body))
            task.add_done_callback(lambda _: self._running.pop(name, None))
        reply, cached = await task
        if cached or joined:
            self._journal.add(Totals(cached=1))
        return Given(reply, name, cached or joined)

    async def _obtained(self, name: str, body: dict[str, Any]) -> tuple[Reply, bool]:
        found = await self._cache.read(name)
        if found is not None:
            return found, True
        reply = await self._sender.send(body)
        await self._cache.write(name, reply)
        return reply, False
