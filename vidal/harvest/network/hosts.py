"""How often and how much at once a host is asked, and when it is left alone.

The state of a host lies in files of this machine that all workers and all builds of its user share: what a site sees
and limits is the machine, not the process. Slots are file locks, so a worker that dies gives its slot back.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path

from vidal.engine.errors import ConfigError, PendingError
from vidal.harvest.network.state import (
    Breaker,
    HostState,
    Pace,
    answered,
    begun,
    closed,
    closed_for,
    failed,
    paused,
    reserved,
)

POLL_S = 0.05
EVERYWHERE = "every host"
"""The pace of all hosts together is kept as that of a host of this name, which no host can have."""
FRESH_S = 1.0
"""A host that answers all the time is noted to have answered this often, in seconds."""


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
            self._turns((key, self._pace(key).per_second), (EVERYWHERE, self.everywhere))
        except BaseException:
            leave()
            raise
        return leave

    def wait(self, name: str, per_second: float) -> None:
        """Wait for a turn of anything that has a pace; PendingError `HostClosed` as `enter`."""
        self._turns((name, per_second))

    def _turns(self, *gates: tuple[str, float]) -> None:
        """Wait for a turn at all gates; the first is passed last, so that none of the others delays what it spaced."""
        _sleep_until(max(self._reserved(name, per_second) for name, per_second in gates))
        for name, per_second in reversed(gates):
            while left := self._begun(name, per_second):
                time.sleep(left)

    def require_open(self, key: str) -> None:
        """PendingError `HostClosed` where the host is left alone for longer than the patience."""
        self._turn(key, lambda state, now: (state, 0.0))

    def state(self, key: str) -> HostState:
        """What is known of a host just now."""
        return _parsed(self._file(key))

    def note_answer(self, key: str) -> None:
        now = time.time()
        known = self.state(key)
        if known.failures or known.closures or now - known.answered > FRESH_S:
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

    def _reserved(self, name: str, per_second: float) -> float:
        """The instant of a turn."""
        return self._turn(name, lambda state, now: reserved(state, now, per_second))

    def _begun(self, name: str, per_second: float) -> float:
        """0 where a request whose turn has come may begin, else the seconds it has still to wait."""
        return self._turn(name, lambda state, now: begun(state, now, per_second))

    def _turn(self, name: str, take: Callable[[HostState, float], tuple[HostState, float]]) -> float:
        given: list[float] = []

        def change(state: HostState) -> HostState:
            now = time.time()
            if (left := closed_for(state, now)) > self.patience:
                raise PendingError("HostClosed", _closed_message(name, state.reason, left), left)
            after, value = take(state, now)
            given.append(value)
            return after

        self._update(name, change)
        return given[0]

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
        path = self._file(key)
        with _alone(Path(f"{path}.lock")):
            before = _parsed(path)
            after = change(before)
            if after != before:
                written = Path(f"{path}.new")
                written.write_text(json.dumps(asdict(after)))
                written.replace(path)
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


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of a file; who waits for it sleeps, for it is held for a moment only."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _parsed(path: Path) -> HostState:
    """The state in a file; a fresh one where there is none, or one that another version wrote."""
    try:
        return HostState(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return HostState()


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.time()))


def _closed_message(key: str, reason: str, seconds: float) -> str:
    return f"{key} is not asked for another {seconds:.0f} s" + (f": {reason}" if reason else "")
