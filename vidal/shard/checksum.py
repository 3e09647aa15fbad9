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
