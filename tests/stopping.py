"""Workspaces of processes that end in the middle of their work."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from vidal.engine.workspace import Workspace


class Stopped(BaseException):
    """The end of a process, as far as the files are concerned."""


def stop() -> None:
    raise Stopped


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Stopping(Workspace):
    """A workspace of a process that ends at its change number `left`: before a file is removed, or when a new one is
    written but not in its place yet."""

    def __init__(self, url: str, left: int, end: Callable[[], None] = stop) -> None:
        super().__init__(url)
        self.left = left
        self.end = end

    def _change(self) -> None:
        if self.left == 0:
            self.end()
        self.left -= 1

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        with super().create(name) as stream:
            yield stream
            self._change()

    def remove(self, name: str) -> None:
        self._change()
        super().remove(name)
