"""Byte ranges of files, local or remote: one request each."""

from __future__ import annotations

import os
from typing import Any

from vidal.engine.errors import MissingError, VidalError


class RangeError(VidalError):
    """A range that a file or a server did not give as it was asked."""


def read_range(fs: Any, path: str, start: int, size: int) -> bytes:
    """`size` bytes from `start` of a file. Raises MissingError for a file that is not there, RangeError for one that
    ends before, or a server that does not know ranges."""
    if not size:
        return b""
    try:
        data = (
            _local(path, start, size) if fs.protocol[0] == "file" else fs.cat_file(path, start=start, end=start + size)
        )
    except FileNotFoundError:
        raise MissingError(
            f"{path} is not there, though the index names it; fetch it or build the shards again"
        ) from None
    if len(data) > size:
        raise RangeError(f"{path}: asked for {size} bytes, the server sent {len(data)}; it cannot serve single ranges")
    if len(data) < size:
        raise RangeError(f"{path}: ends at byte {start + len(data)}, inside what was asked for")
    return data


def _local(path: str, start: int, size: int) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.pread(handle, size, start)
    finally:
        os.close(handle)
