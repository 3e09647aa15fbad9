"""Replies a day later: a run asks for what the cache lacks in batches and leaves it pending, a later one collects."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from vidal.caption.llm import asks
from vidal.caption.llm.answering import Given, answered
from vidal.caption.llm.asks import Answer, Ask
from vidal.caption.llm.batch import Batches, Collected, Open, chunks, request_line
from vidal.caption.llm.cache import AsyncCache
from vidal.caption.llm.config import BATCH_PRICE, EndpointConfig
from vidal.caption.llm.forecast import BYTES_PER_TOKEN
from vidal.caption.llm.ledger import Budget, Journal, bill, most_dollars
from vidal.engine.errors import PendingError, SampleError

T = TypeVar("T")


class Batched:
    """Asks for nothing at once. Batches under way count against the budget with the most they may cost."""

    def __init__(
        self,
        config: EndpointConfig,
        cache: AsyncCache,
        journal: Journal,
        budget: Budget,
        batches: Batches,
        key: str,
    ) -> None:
        self._config, self._cache, self._journal, self._budget = config, cache, journal, budget
        self._batches, self._key = batches, key
        self._fresh: set[str] = set()
        for batch in batches.open.values():
            budget.reserve(batch.dollars)

    async def all(self, questions: Sequence[Ask[T]]) -> list[Answer[T] | BaseException]:
        """The answer of each question, or why there is none: its own failure, or that it waits."""
        reasons: dict[str, SampleError] = {}
        while True:
            ended = await self._from_cache(questions)
            missing = {one.name: one.body for one in ended if isinstance(one, _Missing)}
            news = [batch for batch in self._batches.of(missing) if not reasons.keys() & set(batch.requests)]
            if not news:
                break
            for batch in news:
                reasons.update(await self._collected(batch, missing))
        reasons.update(await self._asked({name: body for name, body in missing.items() if name not in reasons}))
        return [reasons[one.name] if isinstance(one, _Missing) else one for one in ended]

    async def _from_cache(self, questions: Sequence[Ask[T]]) -> list[Any]:
        work = (answered(ask, self._give, self._config.price) for ask in questions)
        ended = await asyncio.gather(*work, return_exceptions=True)
        return list(ended)

    async def _give(self, ask: Ask[Any]) -> Given:
        body = asks.body_of(self._config, ask)
        name = asks.name_of(self._config, body)
        reply = await self._cache.read(name)
        if reply is None:
            raise _Missing(name, body)
        return Given(reply, name, name not in self._fresh)

    async def _collected(self, batch: Open, bodies: Mapping[str, Any]) -> dict[str, SampleError]:
        """Take in what a batch has answered; the reason of each of its requests that is not to be asked again now."""
        try:
            collected = await self._batches.collect(batch)
        except PendingError as error:
            if error.error_class == "BatchFailed":
                self._close(batch)
            return dict.fromkeys(batch.requests, error)
        if collected is None:
            return dict.fromkeys(batch.requests, PendingError("BatchPending", f"the batch {batch.id} is under way"))
        self._close(batch, await self._kept(collected, bodies))
        return dict(collected.refusals)

    async def _kept(self, collected: Collected, bodies: Mapping[str, Any]) -> float:
        """Count the replies and put them into the cache; the dollars they cost. What is there already was counted by a
        run that was cut short."""
        dollars = 0.0
        for name, reply in collected.replies.items():
            if await self._cache.read(name) is not None:
                continue
            size = asks.size_of(bodies[name]) if name in bodies else int(BYTES_PER_TOKEN * (reply.prompt_tokens or 0))
            paid = bill(self._config, reply, size, BATCH_PRICE)
            self._journal.add(paid)
            dollars += paid.dollars
            await self._cache.write(name, reply)
            self._fresh.add(name)
        return dollars

    def _close(self, batch: Open, dollars: float = 0.0) -> None:
        self._budget.settle(batch.dollars, dollars)
        self._batches.forget(batch)

    async def _asked(self, bodies: Mapping[str, Any]) -> dict[str, SampleError]:
        """Ask for requests in batches, as far as the budget goes; why there is no answer yet to each."""
        reasons: dict[str, SampleError] = {}
        for names in chunks({name: len(request_line(name, body)) for name, body in bodies.items()}):
            dollars, most = 0.0, {}
            for name in names:
                cost = BATCH_PRICE * most_dollars(self._config, asks.size_of(bodies[name]))
                if self._budget.fits(dollars + cost):
                    most[name] = cost
                    dollars += cost
            reasons.update(dict.fromkeys(names, PendingError("BudgetSpent", f"{self._key}.budget is spent")))
            if most:
                self._budget.reserve(dollars)
                reasons.update(await self._submitted({name: bodies[name] for name in most}, dollars))
        return reasons

    async def _submitted(self, bodies: Mapping[str, Any], dollars: float) -> dict[str, SampleError]:
        waits = PendingError("BatchPending", "a batch of it is under way")
        try:
            await self._batches.submit(bodies, dollars)
        except PendingError as error:
            waits = error
        return dict.fromkeys(bodies, waits)


class _Missing(Exception):
    """A request whose response the cache does not hold."""

    def __init__(self, name: str, body: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.name, self.body = name, body
