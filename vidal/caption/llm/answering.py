"""From a question to its answer, over whatever gives replies: the first, and where it is not acceptable, one repair."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vidal.caption.llm import asks
from vidal.caption.llm.asks import Answer, Ask, Rejected, Reply, Unacceptable
from vidal.caption.llm.config import Price
from vidal.engine.errors import SampleError

T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """A reply, its name in the cache, and whether it was there."""

    reply: Reply
    name: str
    cached: bool


async def answered(ask: Ask[T], give: Callable[[Ask[Any]], Awaitable[Given]], price: Price | None) -> Answer[T]:
    """The answer to a question. Raises Rejected where no reply can be used, and whatever `give` raises."""
    first = await give(ask)
    try:
        return _answer(ask, [first], price)
    except Unacceptable as reason:
        repair = asks.repair_of(ask, first.reply, str(reason))
    second = await give(repair)
    try:
        return _answer(repair, [first, second], price)
    except Unacceptable as reason:
        raise _rejected("BadAnswer", str(reason), [first, second]) from None


def _answer(ask: Ask[T], given: list[Given], price: Price | None) -> Answer[T]:
    """The answer by the last reply. Raises Unacceptable, or Rejected where the model declines."""
    try:
        value = asks.value_of(ask, given[-1].reply)
    except SampleError as error:
        raise _rejected(error.error_class, str(error), given) from None
    prompt, answer = _tokens(given)
    cost = None if price is None or prompt is None or answer is None else price.dollars(prompt, answer)
    return Answer(value, prompt, answer, cost, all(one.cached for one in given), _names(given))


def _rejected(error_class: str, message: str, given: list[Given]) -> Rejected:
    return Rejected(error_class, message, _names(given), *_tokens(given))


def _names(given: list[Given]) -> tuple[str, ...]:
    return tuple(one.name for one in given)


def _tokens(given: list[Given]) -> tuple[int | None, int | None]:
    """The tokens of all replies, null where one does not tell them."""
    prompts = [one.reply.prompt_tokens for one in given]
    answers = [one.reply.answer_tokens for one in given]
    return _sum(prompts), _sum(answers)


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
