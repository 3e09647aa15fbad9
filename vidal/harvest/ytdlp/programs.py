"""yt-dlp starts no program of its own: no ffmpeg, no JavaScript runtime, nothing a page could make it look for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

STARTS = frozenset(
    {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn"}
)
"""The audit events (PEP 578) by which Python tells that a program is about to start."""

_thread = threading.local()


@contextmanager
def no_programs() -> Iterator[None]:
    """Inside the block this thread can start no program: whatever tries finds that there is none."""
    _watch()
    before = getattr(_thread, "alone", False)
    _thread.alone = True
    try:
        yield
    finally:
        _thread.alone = before


@cache
def _watch() -> None:
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in STARTS and getattr(_thread, "alone", False):
        raise FileNotFoundError(f"no program is started here ({event})")
