"""What is known of a host, and how it changes: pure functions of a state, an instant, and what happened."""

from __future__ import annotations

from dataclasses import dataclass, replace

LONGEST_PAUSE_S = 3600.0
"""Longest a host is left alone for its failures, in seconds."""
LONGEST_REST_S = 86400.0
"""Longest a host is left alone because it asked for it, in seconds."""


@dataclass(frozen=True)
class Pace:
    """What a host is asked for at most: requests at once, and requests begun per second."""

    concurrency: int
    per_second: float


@dataclass(frozen=True)
class Breaker:
    """`failures` in a row close a host to requests for `cooldown` seconds, each time twice as long, an hour at most."""

    failures: int
    cooldown: float


@dataclass(frozen=True)
class HostState:
    """What is known of a host, in seconds since the epoch: the `last` request began then, the turn of the one after
    those that wait comes at `next`, and none begins before `closed_until`, for the `reason`; it last `answered`
    anything but a refusal to serve. `failures` have followed since, `closures` times it was closed."""

    next: float = 0.0
    last: float = 0.0
    closed_until: float = 0.0
    reason: str = ""
    answered: float = 0.0
    failures: int = 0
    closures: int = 0


def closed_for(state: HostState, now: float) -> float:
    """Seconds for which the host is still left alone. What no pause can be, a clock that was set back has made."""
    left = state.closed_until - now
    return left if 0 < left <= LONGEST_REST_S else 0.0


def reserved(state: HostState, now: float, per_second: float) -> tuple[HostState, float]:
    """The state once a request has a turn, and the instant of that turn."""
    turn = state.next if state.next <= now + LONGEST_PAUSE_S else now
    start = max(now + closed_for(state, now), turn)
    return replace(state, next=start + 1 / per_second), start


def begun(state: HostState, now: float, per_second: float) -> tuple[HostState, float]:
    """The state once a request whose turn has come begins, and 0; or the state as it is, and the seconds it has still
    to wait: the one before it was late, or the host has been closed since."""
    since = now - state.last
    left = max(closed_for(state, now), 1 / per_second - since if since >= 0 else 0.0)
    return (state, left) if left > 0 else (replace(state, last=now), 0.0)


def answered(state: HostState, now: float) -> HostState:
    """The host answered: with what was asked for, or with an error that speaks of it."""
    return replace(state, answered=now, failures=0, closures=0, reason="")


def failed(state: HostState, now: float, reason: str, breaker: Breaker) -> HostState:
    """The host did not answer, or refused to serve."""
    state = replace(state, failures=state.failures + 1, reason=reason)
    already = closed_for(state, now) > 0
    return state if already or state.failures < breaker.failures else closed(state, now, reason, breaker.cooldown)


def closed(state: HostState, now: float, reason: str, cooldown: float) -> HostState:
    """The host is left alone; the first request after that tells whether for longer."""
    pause = min(cooldown * 2**state.closures, LONGEST_PAUSE_S)
    until = now + max(pause, closed_for(state, now))
    return replace(state, closed_until=until, reason=reason, closures=min(state.closures + 1, 20))


def paused(state: HostState, now: float, seconds: float) -> HostState:
    """The host asked to be left alone for so long (Retry-After), a day at most."""
    until = now + max(min(seconds, LONGEST_REST_S), closed_for(state, now))
    return replace(state, closed_until=until, reason=f"it asked for {seconds:.0f} s of rest")
