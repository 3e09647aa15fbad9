"""Byte ranges of files, local or remote: one request each."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from vidal.engine.errors import MissingError, VidalError

OPEN = 128
"""Most local files that a reader holds open."""


class RangeError(VidalError):
    """A range that a file or a server did not give as it was asked."""


class Ranges:
    """Reads ranges of the files of a filesystem. Of local ones the last OPEN are held open: one that is replaced or
    removed meanwhile is read as it was. Threads and forked processes can share this: a read moves no position, and a
    file is closed when the last read of it has ended."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs
        self._local = "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)
        self._opened = lru_cache(OPEN)(_Open)

    def read(self, path: str, start: int, size: int) -> bytes:
        """`size` bytes from `start` of a file. Raises MissingError for a file that is not there, RangeError for one
        that cannot be read or ends before, or a server that does not know ranges."""
        if not size:
            return b""
        try:
            if self._local:
                opened = self._opened(path)
                data = os.pread(opened.handle, size, start)
            else:
                data = self._fs.cat_file(path, start=start, end=start + size)
        except FileNotFoundError:
            raise MissingError(
                f"{path} is not there, though the index names it; fetch it or build the shards again"
            ) from None
        except Exception as error:
            raise RangeError(f"{path}: {' '.join(str(error).split())[:200] or type(error).__name__}") from error
        if len(data) > size:
            raise RangeError(
                f"{path}: asked for {size} bytes, the server sent {len(data)}; it cannot serve single ranges"
            )
        if len(data) < size:
            raise RangeError(f"{path}: ends at byte {start + len(data)}, inside what was asked for")
        return data


class _Open:
    """A file that is open as long as this is held."""

    def __init__(self, path: str) -> None:
        self.handle = -1
        self.handle = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
