"""The bytes of a listed file from any place on: a local file or one at an fsspec URL, gzip unpacked on the way."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from vidal.engine.errors import ConfigError

CHUNK = 1 << 20
PACKED = 1 << 14
"""Packed bytes unpacked at a time; deflate packs at most 1,032 to 1 (zlib's technical details)."""
STRIDE = 32 << 20
"""Unpacked bytes between two places where reading may begin again; the state kept of each is about 40 KB."""
GZIP = 31
"""`wbits` for a gzip header and trailer (zlib's manual, inflateInit2)."""


def place(path: str, base: Path) -> tuple[Any, str]:
    """The filesystem behind a path relative to `base` or an fsspec URL, and the path in it. Raises ConfigError for a
    URL of no installed filesystem, and for http: other machines are reached through `harvest.network` alone."""
    if "://" not in path:
        return fsspec.filesystem("file"), str((base / Path(path).expanduser()).resolve())
    if path.startswith(("http://", "https://")):
        raise ConfigError(f"{path}: addresses are listed in a file, by a source of the type `urls`")
    try:
        return fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{path}: {error}; use a path or the URL of an installed filesystem") from error


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Raises ConfigError, naming the file, where it cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; paths are relative to the pipeline file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


class Content:
    """The content of a file, unpacked where its name ends in `.gz`. Threads may share it."""

    def __init__(self, path: str, base: Path) -> None:
        self.fs, self.path = place(path, base)
        self.packed = self.path.lower().endswith(".gz")
        self._lock = threading.Lock()
        self._marks: list[tuple[int, int, Any]] = [(0, 0, zlib.decompressobj(GZIP))]

    def chunks(self, start: int = 0) -> Iterator[bytes]:
        """The content from the byte `start` to its end. Raises ConfigError where it cannot be read."""
        with reading(self.path), self.fs.open(self.path, "rb") as stream:
            yield from self._unpacked(stream, start) if self.packed else self._plain(stream, start)

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`; fewer where the content ends before."""
        parts, missing = [], stop - start
        for chunk in self.chunks(start):
            parts.append(chunk[:missing])
            missing -= len(parts[-1])
            if not missing:
                break
        return b"".join(parts)

    @staticmethod
    def _plain(stream: Any, start: int) -> Iterator[bytes]:
        stream.seek(start)
        while chunk := stream.read(CHUNK):
            yield chunk

    def _unpacked(self, stream: Any, start: int) -> Iterator[bytes]:
        """Unpacks from the last mark before `start`, and leaves marks where none has been yet: a gzip file cannot be
        entered elsewhere."""
        with self._lock:
            at, offset, state = next(mark for mark in reversed(self._marks) if mark[0] <= start)
        unpack = state.copy()
        stream.seek(offset)
        while packed := stream.read(PACKED):
            content = b""
            while packed:
                content += unpack.decompress(packed)
                packed = unpack.unused_data.lstrip(b"\0") if unpack.eof else b""
                unpack = zlib.decompressobj(GZIP) if unpack.eof and packed else unpack
            at, before = at + len(content), at
            offset = stream.tell()
            self._mark(at, offset, unpack)
            if at > start:
                yield content[max(0, start - before) :]
        if not unpack.eof:
            raise EOFError("the gzip file ends before its content does")

    def _mark(self, at: int, offset: int, unpack: Any) -> None:
        with self._lock:
            if at - self._marks[-1][0] >= STRIDE and not unpack.eof:
                self._marks.append((at, offset, unpack.copy()))
