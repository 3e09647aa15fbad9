"""Deterministic tar files: fixed metadata, and the place of every member known as it is written."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = tarfile.BLOCKSIZE
NAMES = {"encoding": "utf-8", "errors": "backslashreplace"}
"""How names in other people's tars are read: what is no UTF-8 is spelled out, so that it can be shown and stored."""


@dataclass(frozen=True)
class Place:
    """Where a member lies: `offset` of its content and of its header in the tar, and its `size`, in bytes."""

    offset: int
    size: int
    header: int


class TarWriter:
    """Writes ustar entries with mtime 0, mode 0644 and no owner, so that equal members give equal bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._position = 0

    def add(self, name: str, content: bytes) -> Place:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        info.mode = 0o644
        header = info.tobuf(tarfile.USTAR_FORMAT)
        start = self._position
        padding = -len(content) % BLOCK
        for piece in (header, content, b"\0" * padding):
            self._stream.write(piece)
        self._position += len(header) + len(content) + padding
        return Place(start + len(header), len(content), start)

    def close(self) -> int:
        """Write the end-of-archive blocks and return the size of the tar in bytes."""
        end = -(self._position + 2 * BLOCK) % tarfile.RECORDSIZE + 2 * BLOCK
        self._stream.write(b"\0" * end)
        self._position += end
        return self._position


def pack(members: list[tuple[str, bytes]]) -> tuple[bytes, list[Place]]:
    """A whole tar in memory, and the place of each member, in the order given."""
    stream = io.BytesIO()
    writer = TarWriter(stream)
    places = [writer.add(name, content) for name, content in members]
    writer.close()
    return stream.getvalue(), places
