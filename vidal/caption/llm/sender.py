"""Requests on their way: in the endpoint's pace, within the budget, and again where it may help."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

from vidal.caption.llm import pace as paces
from vidal.caption.llm.asks import Reply, size_of
from vidal.caption.llm.client import Client, Denied
from vidal.caption.llm.ledger import Budget, Journal, bill, most_dollars
from vidal.caption.llm.pace import ATTEMPTS, PATIENCE
from vidal.engine.errors import PendingError, SampleError, TransientError, VidalError

CLOSED_S = 60.0
"""Seconds for which an endpoint that answers nobody is left alone."""
STUCK = 3
"""Requests in a row, and no answer, that may fail for good before it counts as the endpoint's failure."""
REFUSALS = 8
"""Refusals in a row, and never an answer, after which no other request is expected to fare better."""
BYTES_PER_TOKEN = 4
"""Of English text, as OpenAI's tokenisers cut it, for the limits of tokens that the endpoint tells."""


class Sender:
    """All requests of one worker, in one event loop: at most `requests` are in flight, or wait to be tried again."""

    def __init__(self, client: Client, budget: Budget, journal: Journal, ever: bool) -> None:
        self._client, self._budget, self._journal = client, budget, journal
        self._config = client.config
        self._slots = asyncio.Semaphore(client.config.requests)
        self._settled = asyncio.Condition()
        self._pace = paces.Pace()
        self._in_flight, self._tokens_in_flight = 0, 0.0
        self._answers, self._answered_at = 0, -1.0
        self._ever = ever
        self._refusals = self._stuck = 0
        self._closed: tuple[float, str] = (0.0, "")
        self.stopped: VidalError | None = None

    async def send(self, body: Mapping[str, Any]) -> Reply:
        """The completion, counted in the journal.

        Raises SampleError where the request is to blame, PendingError where it is not (`BudgetSpent`, `RateLimited`,
        `Unavailable`, `Timeout`), or a VidalError where nothing can be asked.
        """
        size = size_of(body)
        failures, failed_at, refused_at = 0, 0.0, 0.0
        async with self._slots:
            while True:
                try:
                    return await self._once(body, size)
                except PendingError:
                    raise
                except TransientError as error:
                    now = time.monotonic()
                    if error.error_class == "RateLimited":
                        refused_at = refused_at or now
                        if now - refused_at > PATIENCE:
                            raise PendingError(error.error_class, str(error), error.retry_after) from None
                        continue
                    failures, failed_at = failures + 1, failed_at or now
                    if failures == ATTEMPTS:
                        raise await self._given_up(error, failed_at) from None
                    await asyncio.sleep(
                        max(_jittered(paces.backoff(failures)), min(error.retry_after or 0.0, PATIENCE))
                    )

    async def _once(self, body: Mapping[str, Any], size: int) -> Reply:
        """One try, in turn and within the budget."""
        tokens = size / BYTES_PER_TOKEN + self._config.max_tokens
        most, spent = most_dollars(self._config, size), 0.0
        await self._reserved(most)
        try:
            await self._turn(tokens)
            reply = await self._asked(body, tokens)
            spent = self._paid(reply, size)
            return reply
        except SampleError as error:
            self._note(error)
            raise
        except VidalError as error:
            self.stopped = error
            raise
        finally:
            self._budget.settle(most, spent)
            async with self._settled:
                self._settled.notify_all()

    async def _asked(self, body: Mapping[str, Any], tokens: float) -> Reply:
        """One request, counted as in flight."""

        def hear(headers: Mapping[str, str]) -> None:
            now, others = time.monotonic(), self._tokens_in_flight - tokens
            self._pace = paces.told(self._pace, headers, now, self._in_flight - 1, others)

        self._pace = paces.sent(self._pace, tokens)
        self._in_flight += 1
        self._tokens_in_flight += tokens
        try:
            return await self._client.complete(body, hear)
        finally:
            self._in_flight -= 1
            self._tokens_in_flight -= tokens

    async def _reserved(self, most: float) -> None:
        """Set the greatest cost of a request aside; PendingError `BudgetSpent` where it does not fit, whatever those in
        flight will have cost."""
        async with self._settled:
            while not self._budget.fits(most):
                if not self._budget.reserved:
                    raise PendingError("BudgetSpent", f"{self._client.key}.budget is spent")
                await self._settled.wait()
            self._budget.reserve(most)

    async def _turn(self, tokens: float) -> None:
        """Wait until the endpoint lets another request through; PendingError where that is too long."""
        while True:
            now = time.monotonic()
            if self.stopped:
                raise self.stopped
            if now < self._closed[0]:
                raise PendingError("Unavailable", self._closed[1])
            seconds = paces.wait(self._pace, now, tokens)
            if seconds <= 0:
                return
            if seconds > PATIENCE:
                url = self._config.url
                raise PendingError("RateLimited", f"{url} asks for a pause of {seconds:.0f} s", seconds)
            await asyncio.sleep(seconds)

    def _paid(self, reply: Reply, size: int) -> float:
        """Note an answer; the dollars it cost, at worst where the endpoint does not tell its tokens."""
        self._answers += 1
        self._answered_at = time.monotonic()
        self._refusals = self._stuck = 0
        self._pace = paces.answered(self._pace)
        paid = bill(self._config, reply, size)
        self._journal.add(paid)
        return paid.dollars

    def _note(self, error: SampleError) -> None:
        """Learn from a failure what it means for others."""
        if isinstance(error, PendingError):
            return
        if isinstance(error, TransientError):
            hasty = error.error_class == "RateLimited"
            if hasty or error.retry_after:
                self._pace = paces.limited(self._pace, time.monotonic(), error.retry_after)
            return
        self._refusals += 1
        denied = isinstance(error, Denied) and (not self._answers or self._refusals >= REFUSALS)
        if denied or (self._refusals >= REFUSALS and not self._answers and not self._ever):
            self.stopped = self._client.wrong(str(error))
            raise self.stopped from None

    async def _given_up(self, error: TransientError, since: float) -> SampleError:
        """After the last try: the request's own failure if others were answered since the first, or if the endpoint is
        there and has not failed several in a row; else the endpoint's, which is then left alone for a while."""
        own = self._answered_at >= since
        if not own and await self._client.alive():
            self._stuck += 1
            own = self._stuck <= STUCK
        if own:
            return SampleError(error.error_class, f"{error}; tried {ATTEMPTS} times")
        self._closed = (time.monotonic() + CLOSED_S, str(error))
        return PendingError(error.error_class, str(error))


def _jittered(seconds: float) -> float:
    return random.uniform(0.5, 1.0) * seconds
