"""Byte ranges of files, local or remote: one request each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vidal.engine.errors import MissingError, VidalError

OPEN = 128
"""Most local files that a reader holds open."""
TOGETHER = 32
"""Ranges that are asked of another machine at a time."""


class RangeError(VidalError):
    """A range that a file or a server did not give as it was asked."""


@dataclass(frozen=True)
class Span:
    """`size` bytes of a file from `start` on."""

    path: str
    start: int
    size: int

    @classmethod
    def around(cls, path: str, places: Iterable[tuple[int, int]]) -> Span:
        """The span of all places, given as offset and size, of a file."""
        ends = [(offset, offset + size) for offset, size in places]
        start = min((first for first, _ in ends), default=0)
        return cls(path, start, max((last for _, last in ends), default=0) - start)

    def cut(self, data: bytes, offset: int, size: int) -> bytes:
        """What lies at an offset of the file, of the bytes of this span."""
        return data[offset - self.start : offset - self.start + size]


class Ranges:
    """Reads ranges of the files of a filesystem. Of local ones the last OPEN are held open: one that is replaced or
    removed meanwhile is read as it was. Threads and forked processes can share this: a read moves no position, and a
    file is closed when the last read of it has ended.

    An error is MissingError for a file that is not there, RangeError for one that cannot be read or ends before, or a
    server that does not know ranges.
    """

    def __init__(self, fs: Any) -> None:
        self._fs = fs
        self._local = "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)
        self._opened = lru_cache(OPEN)(_Open)

    def read(self, path: str, start: int, size: int) -> bytes:
        """`size` bytes from `start` of a file; raises the error where they cannot be had."""
        span = Span(path, start, size)
        return whole(_told(span, self._local_one(span) if self._local else self._remote_ones([span])[0]))

    def each(self, spans: Sequence[Span]) -> Iterator[bytes | RangeError | MissingError]:
        """The bytes of spans, or the error, in order: local ones as they are taken, remote ones TOGETHER at a time."""
        if self._local:
            yield from (_told(span, self._local_one(span)) for span in spans)
            return
        for first in range(0, len(spans), TOGETHER):
            some = spans[first : first + TOGETHER]
            yield from map(_told, some, self._remote_ones(some))

    def _local_one(self, span: Span) -> bytes | Exception:
        try:
            opened = self._opened(span.path)
            return os.pread(opened.handle, span.size, span.start)
        except OSError as error:
            return error

    def _remote_ones(self, spans: Sequence[Span]) -> list[bytes | Exception]:
        """Empty ones are not asked for: a server takes a range of no bytes for the whole file."""
        asked = [span for span in spans if span.size]
        ends = [span.start + span.size for span in asked]
        found = iter(self._fs.cat_ranges([s.path for s in asked], [s.start for s in asked], ends, on_error="return"))
        return [next(found) if span.size else b"" for span in spans]


def whole(found: bytes | RangeError | MissingError) -> bytes:
    """Bytes that were found; raises the error where there is one."""
    if isinstance(found, Exception):
        raise found
    return found


def _told(span: Span, found: bytes | Exception) -> bytes | RangeError | MissingError:
    if isinstance(found, FileNotFoundError):
        return MissingError(f"{span.path} is not there, though what tells of it is; fetch it, or have it made again")
    if isinstance(found, Exception):
        return RangeError(f"{span.path}: {' '.join(str(found).split())[:200] or type(found).__name__}")
    if len(found) > span.size:
        return RangeError(
            f"{span.path}: asked for {span.size} bytes, the server sent {len(found)}; it cannot serve single ranges"
        )
    if len(found) < span.size:
        return RangeError(f"{span.path}: ends at byte {span.start + len(found)}, inside what was asked for")
    return found


class _Open:
    """A file that is open as long as this is held."""

    def __init__(self, path: str) -> None:
        self.handle = -1
        self.handle = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
