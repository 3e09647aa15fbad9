"""How often and how much at once a host is asked, and when it is left alone.

The state of a host lies in files of this machine that all workers and all builds of its user share: what a site sees
and limits is the machine, not the process. Slots are file locks, so a worker that dies gives its slot back.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from vidal.engine.errors import ConfigError, PendingError

POLL_S = 0.05
EVERYWHERE = "*"
LONGEST_PAUSE_S = 3600.0


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
    """What is known of a host, in seconds since the epoch: the next request's turn comes at `next`, and none begins
    before `closed_until`, for the `reason`; it last `answered` anything but a refusal to serve. `failures` have
    followed since, `closures` times it was closed."""

    next: float = 0.0
    closed_until: float = 0.0
    reason: str = ""
    answered: float = 0.0
    failures: int = 0
    closures: int = 0


def reserved(state: HostState, now: float, per_second: float) -> tuple[HostState, float]:
    """The state once a request has its turn, and the instant at which it begins."""
    start = max(now, state.next, state.closed_until)
    return replace(state, next=start + 1 / per_second), start


def answered(state: HostState, now: float) -> HostState:
    """The host answered: with what was asked for, or with an error that speaks of it."""
    return replace(state, answered=now, failures=0, closures=0, reason="")


def failed(state: HostState, now: float, reason: str, breaker: Breaker) -> HostState:
    """The host did not answer, or refused to serve."""
    state = replace(state, failures=state.failures + 1, reason=reason)
    already = state.closed_until > now
    return state if already or state.failures < breaker.failures else closed(state, now, reason, breaker.cooldown)


def closed(state: HostState, now: float, reason: str, cooldown: float) -> HostState:
    """The host is left alone; the first request after that tells whether for longer."""
    pause = min(cooldown * 2**state.closures, LONGEST_PAUSE_S)
    until = max(state.closed_until, now + pause)
    return replace(state, closed_until=until, reason=reason, closures=min(state.closures + 1, 20))


def paused(state: HostState, now: float, seconds: float) -> HostState:
    """The host asked to be left alone for so long (Retry-After)."""
    until = max(state.closed_until, now + min(seconds, LONGEST_PAUSE_S))
    return replace(state, closed_until=until, reason=f"it asked for {seconds:.0f} s of rest")


class Hosts:
    """The hosts as the workers of this machine see them. `overrides` maps host names or patterns to their pace; the
    hosts of one pattern count as one. `patience` is the longest wait for a place, in seconds."""

    def __init__(
        self, pace: Pace, everywhere: float, overrides: Mapping[str, Pace], breaker: Breaker, patience: float
    ) -> None:
        self.pace = pace
        self.everywhere = everywhere
        self.overrides = overrides
        self.breaker = breaker
        self.patience = patience
        self.folder = state_folder()

    def key(self, host: str, port: int | None) -> str:
        """What a host is counted as: the pattern it matches, else its name and its port where that is unusual."""
        host = host.lower().rstrip(".")
        pattern = next((pattern for pattern in self.overrides if fnmatchcase(host, pattern.lower())), None)
        return pattern or (f"{host}:{port}" if port else host)

    def enter(self, key: str) -> Callable[[], None]:
        """Wait for a place among the requests to a host; call what is returned when the answer has been read.

        PendingError `HostClosed` where the host is left alone for longer than the patience.
        """
        leave = self._slot(key)
        try:
            for name, per_second in ((key, self._pace(key).per_second), (EVERYWHERE, self.everywhere)):
                self.wait(name, per_second)
        except BaseException:
            leave()
            raise
        return leave

    def wait(self, name: str, per_second: float) -> None:
        """Wait for a turn of anything that has a pace; PendingError `HostClosed` as `enter`."""
        _sleep_until(self._reserve(name, per_second))

    def state(self, key: str) -> HostState:
        return self._update(key, lambda state: state)

    def note_answer(self, key: str) -> None:
        now = time.time()
        known = self.state(key)
        if known.failures or known.closures or now - known.answered > 1.0:
            self._update(key, lambda state: answered(state, now))

    def note_failure(self, key: str, reason: str) -> None:
        self._update(key, lambda state: failed(state, time.time(), reason, self.breaker))

    def note_pause(self, key: str, seconds: float) -> None:
        self._update(key, lambda state: paused(state, time.time(), seconds))

    def close(self, key: str, reason: str) -> None:
        """Leave a host alone at once: it has said that it takes us for a robot."""
        self._update(key, lambda state: closed(state, time.time(), reason, 10 * self.breaker.cooldown))

    def _pace(self, key: str) -> Pace:
        return self.overrides.get(key, self.pace)

    def _reserve(self, key: str, per_second: float) -> float:
        starts: list[float] = []

        def take(state: HostState) -> HostState:
            now = time.time()
            if state.closed_until - now > self.patience:
                left = state.closed_until - now
                raise PendingError("HostClosed", _closed_message(key, state.reason, left), left)
            after, start = reserved(state, now, per_second)
            starts.append(start)
            return after

        self._update(key, take)
        return starts[0]

    def _slot(self, key: str) -> Callable[[], None]:
        from filelock import FileLock, Timeout

        numbers = list(range(self._pace(key).concurrency))
        while True:
            random.shuffle(numbers)
            for number in numbers:
                lock = FileLock(f"{self._file(key)}.slot{number}", thread_local=False)
                try:
                    lock.acquire(blocking=False)
                    return lock.release
                except Timeout:
                    continue
            time.sleep(random.uniform(0.5, 1.0) * POLL_S)

    def _update(self, key: str, change: Callable[[HostState], HostState]) -> HostState:
        from filelock import FileLock

        path = self._file(key)
        with FileLock(f"{path}.lock", thread_local=False):
            before = _parsed(path)
            after = change(before)
            if after != before:
                path.write_text(json.dumps(asdict(after)))
        return after

    def _file(self, key: str) -> Path:
        return self.folder / hashlib.sha256(key.encode()).hexdigest()[:24]


def state_folder() -> Path:
    """Where this machine keeps what its user's builds know of hosts: `$XDG_RUNTIME_DIR/vidal`, else a folder of the
    temporary one that nobody else may enter. ConfigError where somebody else owns it."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    return private(Path(base, "vidal")) if base else temporary_folder()


def temporary_folder() -> Path:
    """A folder of this machine's temporary one that only its user may enter, the same for all builds."""
    return private(Path(tempfile.gettempdir(), f"vidal-{os.getuid()}"))


def private(folder: Path) -> Path:
    """The folder, made where it is absent; ConfigError where somebody else owns it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigError(f"{folder} belongs to somebody else; remove it or set XDG_RUNTIME_DIR to a folder of yours")
    return folder


def _parsed(path: Path) -> HostState:
    """The state in a file; a fresh one where there is none, or a worker died while it wrote."""
    try:
        return HostState(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return HostState()


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.time()))


def _closed_message(key: str, reason: str, seconds: float) -> str:
    return f"{key} is not asked for another {seconds:.0f} s" + (f": {reason}" if reason else "")
