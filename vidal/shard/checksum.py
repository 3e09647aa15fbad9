"""SHA-256 and size of what is written or read, block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

READ_BYTES = 1 << 20


class HashingStream:
    """A stream that counts and hashes what is written to it on its way to another."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._checksum = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._checksum.hexdigest()

    def write(self, content: bytes) -> None:
        self._checksum.update(content)
        self.size += len(content)
        self._stream.write(content)


class HashingReader:
    """A stream to be read in any order, of which each byte is hashed once: what is read ahead of the bytes hashed so
    far, or leapt over, is hashed in its order as it comes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._checksum = hashlib.sha256()
        self._hashed = 0

    def read(self, size: int = -1) -> bytes:
        start = self._stream.tell()
        if start > self._hashed:
            self._stream.seek(self._hashed)
            while self._hashed < start and self._read(min(READ_BYTES, start - self._hashed)):
                pass
        return self._read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def sha256(self) -> str:
        """The checksum of the whole stream, the rest of which is read."""
        self._stream.seek(self._hashed)
        for _ in blocks(self):
            continue
        return self._checksum.hexdigest()

    def _read(self, size: int) -> bytes:
        start = self._stream.tell()
        data = self._stream.read(size)
        if (end := start + len(data)) > self._hashed:
            self._checksum.update(memoryview(data)[self._hashed - start :])
            self._hashed = end
        return data


def blocks(stream: Any) -> Iterator[bytes]:
    """The rest of a stream, at most READ_BYTES at a time."""
    while block := stream.read(READ_BYTES):
        yield block


def checksum(stream: Any) -> tuple[str, int]:
    """The SHA-256 of the rest of a stream, and its size in bytes."""
    found, size = hashlib.sha256(), 0
    for block in blocks(stream):
        found.update(block)
        size += len(block)
    return found.hexdigest(), size
