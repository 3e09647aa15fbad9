"""What a run will ask and cost, as far as it can be told beforehand: pure functions, and lines for the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from vidal.caption.llm.config import BATCH_PRICE, EndpointConfig
from vidal.caption.llm.ledger import Totals

BYTES_PER_TOKEN = 4.0
"""Of English text, as OpenAI's tokenisers cut it; the assumption before anything was measured."""
ANSWER_SHARE = 1 / 3
"""Of max_tokens, the length of an answer that is assumed before any was measured."""

SILENT = ("RateLimited", "Timeout", "Unavailable")
"""Causes of pending samples that lie with the endpoint."""


@dataclass(frozen=True)
class Survey:
    """The requests of some samples among `samples`: the bytes of those that would be sent, and how many would not,
    since they are asked already."""

    samples: int
    sizes: Sequence[int]
    cached: int

    @property
    def seen(self) -> int:
        return len(self.sizes) + self.cached

    @property
    def calls(self) -> int:
        return round(self.samples * len(self.sizes) / self.seen) if self.seen else 0


def lines(config: EndpointConfig, key: str, survey: Survey, spent: Totals) -> tuple[str, ...]:
    """Calls, tokens and dollars: by the bytes a token took so far and the tokens of an answer so far, else assumed."""
    if not survey.seen:
        return ()
    measured = "as measured"
    ratio, how = BYTES_PER_TOKEN, "assumed"
    if spent.prompt_tokens:
        ratio, how = spent.prompt_bytes / spent.prompt_tokens, measured
    answer, how_long = ANSWER_SHARE * config.max_tokens, "assumed"
    if spent.calls and spent.answer_tokens:
        answer, how_long = spent.answer_tokens / spent.calls, measured
    calls = survey.calls
    prompt_tokens = round(calls * fmean(survey.sizes or [0]) / ratio)
    answer_tokens = round(calls * answer)
    part = "" if survey.seen == survey.samples else f", as {survey.seen:,} of {survey.samples:,} samples show"
    cached = survey.samples - calls
    found = [
        f"{key}: about {calls:,} calls of {config.model}{part}" + (f"; {cached:,} are asked already" if cached else ""),
        f"tokens: {prompt_tokens:,} in ({ratio:.1f} bytes a token, {how}), "
        f"{answer_tokens:,} out ({answer:.0f} an answer, {how_long})",
    ]
    if config.price:
        share = BATCH_PRICE if config.batch else 1.0
        cost = share * config.price.dollars(prompt_tokens, answer_tokens)
        left = "" if config.budget is None else f"; ${max(0.0, config.budget - spent.dollars):,.4f} left of the budget"
        found.append(f"cost: ${cost:,.4f}{left}")
    return tuple(found)


def advice(config: EndpointConfig, key: str, pending: Mapping[str, int], dollars: float) -> tuple[str, ...]:
    """How to go on with what was left pending, by cause, after so many dollars."""
    found = []
    if "BudgetSpent" in pending:
        found.append(
            f"{key}.budget: ${dollars:,.4f} of ${config.budget:,.4f} is spent, and what is left might not pay for "
            f"another request; raise it to go on with {pending['BudgetSpent']:,} samples"
        )
    if "BatchPending" in pending:
        found.append(
            f"{key}.batch: {pending['BatchPending']:,} samples are asked for at {config.url}, which answers within a "
            "day; run the same command again then"
        )
    if silent := sum(pending.get(cause, 0) for cause in SILENT):
        found.append(f"{key}.url: {config.url} does not answer, or asks for patience; {silent:,} samples wait for it")
    return tuple(found)


def counted(spent: Totals, priced: bool) -> Mapping[str, float]:
    """What a build tells of the totals: dollars only where a price is known."""
    told = {name: value for name, value in asdict(spent).items() if name not in ("prompt_bytes", "dollars")}
    return {**told, "dollars": round(spent.dollars, 9)} if priced else told
