"""The files below a folder, of this machine or at an fsspec URL, cut into slices that a new file does not move."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vidal.engine import fingerprint
from vidal.engine.errors import ConfigError
from vidal.harvest.listing.content import place
from vidal.harvest.sources import Slice

BITS = 16
"""Bits of the hash by which the finest slices are told apart."""
FILES = 256
"""Media of a slice, about: between half as many and as many."""
STAMPS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
"""What filesystems call that which changes with a file's content, the best first."""


@dataclass(frozen=True, slots=True)
class File:
    """A file by its path below the root, with `/`, its bytes, and what changes when its content does."""

    name: str
    size: int
    stamp: str


class Tree:
    """All files below a folder whose suffixes are in `media` or `beside`, or those that a pattern matches.

    A slice holds the media whose names, without suffix, share the first bits of a hash, with what lies beside them; the
    number of bits follows from the number of media. Its `revision` is a hash of names, sizes and stamps, so a file that
    comes, goes or changes makes only its own slice stale. Memory holds one folder's names at a time while slices are
    made, and all names once where they are read.
    """

    def __init__(self, path: str, base: Path, media: frozenset[str], beside: frozenset[str]) -> None:
        self.fs, root = place(path, base)
        self.local = "file" in self.fs.protocol
        self.media, self.known = media, media | beside
        self.root, self._pattern = self._split(root.rstrip("/") or "/")
        self._names: dict[int, dict[int, bytearray]] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise ConfigError where there is no such folder, or none of its files is one of the media."""
        if not self.fs.isdir(self.root):
            raise ConfigError(f"{self.root} is not a folder; set its `path`")
        if not any(self.is_media(file.name) for file in self.files()):
            raise self._empty()

    def slices(self) -> Iterator[Slice]:
        """The slices that hold media, in order of their names. Raises ConfigError where none does."""
        counts, states = [0] * (1 << BITS), [0] * (1 << BITS)
        for file in self.files():
            cell = _hash(file.name) >> (32 - BITS)
            counts[cell] += self.is_media(file.name)
            states[cell] += _state(file)
        if not any(counts):
            raise self._empty()
        bits = min(BITS, max(0, ((sum(counts) - 1) // FILES).bit_length()))
        width = 1 << (BITS - bits)
        for number in range(1 << bits):
            span = slice(number * width, (number + 1) * width)
            if any(counts[span]):
                yield Slice(f"{bits:02d}-{number:05d}", fingerprint.digest(sum(states[span])))

    def read(self, name: str) -> dict[str, int]:
        """The sizes of the files of a slice by name, in order of their names. The folder is listed once."""
        bits, number = (int(word) for word in name.split("-"))
        with self._lock:
            if bits not in self._names:
                self._names[bits] = self._listed(bits)
        listed = bytes(self._names[bits].get(number, b"")).split(b"\0")[:-1]
        pairs = (entry.partition(b" ") for entry in listed)
        return dict(sorted((os.fsdecode(path), int(size)) for size, _, path in pairs))

    def files(self) -> Iterator[File]:
        """Every file of a suffix that counts, in no order."""
        for file in self._local() if self.local else self._remote():
            if suffix(file.name) in self.known and self._matched(file.name):
                yield file

    def is_media(self, name: str) -> bool:
        return suffix(name) in self.media

    def _matched(self, name: str) -> bool:
        """Whether a pattern, where there is one, matches; what lies beside media need not match it."""
        return not self._pattern or not self.is_media(name) or bool(self._pattern.fullmatch(name))

    def _split(self, path: str) -> tuple[str, re.Pattern[str] | None]:
        """The folder above the first wildcard of a path, and what the rest of it matches; a folder is no pattern."""
        from fsspec.utils import glob_translate

        found = re.search(r"[*?[]", path)
        if not found or self.fs.isdir(path):
            return path, None
        root = path[: found.start()].rpartition("/")[0]
        return root or "/", re.compile(glob_translate(path[len(root) + 1 :]))

    def _listed(self, bits: int) -> dict[int, bytearray]:
        cells: dict[int, bytearray] = {}
        for file in self.files():
            number = _hash(file.name) >> (32 - bits)
            cells.setdefault(number, bytearray()).extend(b"%d %s\0" % (file.size, os.fsencode(file.name)))
        return cells

    def _local(self) -> Iterator[File]:
        """The files of a local folder; links to folders are not followed, and what links to nothing is no file."""
        waiting = [""]
        while waiting:
            above = waiting.pop()
            try:
                with os.scandir(f"{self.root}/{above}") as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(f"{above}{entry.name}/")
                        elif suffix(entry.name) in self.known and entry.is_file():
                            known = entry.stat()
                            yield File(above + entry.name, known.st_size, str(known.st_mtime_ns))
            except OSError as error:
                raise ConfigError(f"{error.filename or self.root} cannot be read ({error.strerror})") from error

    def _remote(self) -> Iterator[File]:
        try:
            for _, _, files in self.fs.walk(self.root, detail=True, on_error="raise"):
                for info in files.values():
                    name = info["name"].lstrip("/").removeprefix(self.root.lstrip("/")).lstrip("/")
                    stamp = next((str(info[key]) for key in STAMPS if info.get(key)), "")
                    yield File(name, int(info.get("size") or 0), stamp)
        except OSError as error:
            raise ConfigError(f"{self.root} cannot be read ({error})") from error

    def _empty(self) -> ConfigError:
        matched = f" that match {self._pattern.pattern}" if self._pattern else ""
        return ConfigError(f"no clips or sounds under {self.root}{matched}; set its `path`")


def suffix(name: str) -> str:
    """The suffix of a file's name, in lower case and with its dot; empty where there is none (`.mp4` has none)."""
    stem, _, end = name.rpartition("/")[2].rpartition(".")
    return f".{end}".lower() if stem and end else ""


def stem(name: str) -> str:
    """The name without its suffix."""
    return name[: len(name) - len(suffix(name))]


def _hash(name: str) -> int:
    return zlib.crc32(os.fsencode(stem(name)))


def _state(file: File) -> int:
    """A hash to be added up: the sum does not depend on the order of a listing."""
    told = b"%s\0%d\0%s" % (os.fsencode(file.name), file.size, file.stamp.encode())
    return int.from_bytes(hashlib.blake2b(told, digest_size=16).digest(), "big")
