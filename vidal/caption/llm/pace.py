"""When the next request may be sent, from what the endpoint has said so far: pure functions of its answers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vidal.harvest.network.transport import retry_after

ATTEMPTS = 4
"""Tries of a request that fails, refusals for haste not counted."""
PATIENCE = 600.0
"""Most seconds that a request waits for its turn, or is refused for haste."""
BACKOFF, LONGEST_BACKOFF = 0.5, 30.0
"""Seconds before the second try, doubling up to the longest."""
LEAST = 0.005
"""Seconds that are doubled with every refusal, whatever was asked for: some endpoints ask for none, again and again."""
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0, 0.001)


@dataclass(frozen=True)
class Window:
    """What a limit leaves until it is as it was: `left` requests or tokens, up to the instant `resets`."""

    left: float
    resets: float


@dataclass(frozen=True)
class Pace:
    """Nothing is sent before the instant `until`; `limited` counts the refusals for haste since the last answer. The
    windows are those of the x-ratelimit headers."""

    until: float = 0.0
    limited: int = 0
    requests: Window | None = None
    tokens: Window | None = None


def wait(pace: Pace, now: float, tokens: float) -> float:
    """Seconds until a request of so many tokens may be sent; 0 where it may be now."""
    until = max(pace.until, _free(pace.requests, 1), _free(pace.tokens, tokens))
    return max(0.0, until - now)


def sent(pace: Pace, tokens: float) -> Pace:
    """After a request of so many tokens was sent."""
    return replace(pace, requests=_less(pace.requests, 1), tokens=_less(pace.tokens, tokens))


def told(pace: Pace, headers: Mapping[str, str], now: float, in_flight: int, tokens: float) -> Pace:
    """After an answer with these headers. What is in flight may not have been counted yet, so it is taken off: other
    requests, and their tokens."""
    return replace(
        pace,
        requests=_window(headers, "requests", now, in_flight) or pace.requests,
        tokens=_window(headers, "tokens", now, tokens) or pace.tokens,
    )


def answered(pace: Pace) -> Pace:
    """After an answer that was no refusal for haste."""
    return replace(pace, limited=0) if pace.limited else pace


def limited(pace: Pace, now: float, asked: float | None) -> Pace:
    """After a refusal for haste: everybody waits as long as was asked for, else twice as long each time. A refusal that
    comes in a pause is of what was sent before it, and counts as the same one."""
    count = pace.limited + (now >= pace.until)
    if asked is not None:
        seconds = max(asked, LEAST * 2 ** min(count, 12))
    else:
        seconds = backoff(count) if count > pace.limited else 0.0
    return replace(pace, until=max(pace.until, now + seconds), limited=count)


def backoff(tries: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(LONGEST_BACKOFF, BACKOFF * 2 ** (min(tries, 32) - 1))


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that `retry-after-ms` (OpenAI's) or `Retry-After` asks for."""
    precise = seconds(f"{headers.get('retry-after-ms', '').strip()}ms")
    return retry_after(headers.get("retry-after")) if precise is None else precise


def seconds(text: str) -> float | None:
    """A duration as the x-ratelimit headers tell it (`1s`, `6m0s`, `20ms`, plain seconds); None for anything else."""
    text = text.strip()[:40]
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(float(number) * unit for number, unit in zip(match.groups(), _UNITS, strict=True) if number)


def _free(window: Window | None, needed: float) -> float:
    return -math.inf if window is None or window.left >= needed else window.resets


def _less(window: Window | None, used: float) -> Window | None:
    return None if window is None else replace(window, left=window.left - used)


def _window(headers: Mapping[str, str], kind: str, now: float, in_flight: float) -> Window | None:
    left, resets = headers.get(f"x-ratelimit-remaining-{kind}", ""), headers.get(f"x-ratelimit-reset-{kind}", "")
    wait = seconds(resets)
    if wait is None or not re.fullmatch(r"\d{1,15}", left.strip()):
        return None
    return Window(float(left) - in_flight, now + wait)
