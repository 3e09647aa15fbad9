"""Reading shards: one's own or another's, sample by sample, from the tars alone."""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import fsspec

from vidal.engine.errors import MissingError
from vidal.engine.tar import BLOCK, NAMES

MEMBER_BYTES = 1 << 30
"""Largest member that is read; what claims more is damage, not data."""


@dataclass(frozen=True)
class Member:
    """Where a member's content lies in its tar, in bytes, and its SHA-256 where an index tells it."""

    name: str
    offset: int
    size: int
    sha256: str | None = None


@dataclass
class ShardSampleEntry:
    """One sample of a shard: neighbouring tar entries with the same key, which is their name up to the first dot, the
    folders before it included, as webdataset has it. They stand from the byte `start`, where their first
    header begins, to before `end`."""

    key: str
    shard: str
    start: int = 0
    end: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(member.size for member in self.members.values())


def kind_of(members: Collection[str]) -> str:
    """`video` or `audio`, by the names of a sample's members: others may have a clip's frames and not the clip."""
    return "video" if "mp4" in members or "frm0.jpg" in members else "audio"


class ShardError(Exception):
    """A tar that cannot be read to its end; the message says where."""


class Shards:
    """The tars of a folder or a glob, local or at any fsspec URL, in order of name. Hidden files, such as those that a
    write in progress leaves, are none. `whole` is whether they are all the shards of their folder."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.fs, path = fsspec.core.url_to_fs(location)
        self.whole = self.fs.isdir(path)
        if self.whole:
            found = [name for name in self.fs.ls(path, detail=False) if name.endswith(".tar")]
        else:
            found = [path] if self.fs.exists(path) else self.fs.glob(path)
        self.paths: list[str] = sorted(name for name in found if not name.rpartition("/")[2].startswith("."))
        if not self.paths:
            raise MissingError(f"{location}: no .tar shards there; name a folder of shards, one shard, or a glob")
        self.folder = self.paths[0].rpartition("/")[0]

    def samples(self, path: str) -> Iterator[ShardSampleEntry]:
        """The samples of one tar. Raises ShardError where the tar ends early or holds what no shard should."""
        with self.fs.open(path, "rb") as stream:
            for sample, _ in _samples(stream, path.rpartition("/")[2], read=False):
                yield sample

    def content(self, path: str, sample: ShardSampleEntry) -> dict[str, bytes]:
        """The bytes of every member of a sample."""
        with self.fs.open(path, "rb") as stream:
            found = {}
            for name, member in sample.members.items():
                stream.seek(member.offset)
                found[name] = stream.read(member.size)
            return found


def contents(stream: BinaryIO, shard: str) -> Iterator[tuple[ShardSampleEntry, dict[str, bytes]]]:
    """The samples of a tar with the bytes of every member, read in one pass. Raises as `Shards.samples` does."""
    return _samples(stream, shard, read=True)


def _samples(stream: BinaryIO, shard: str, read: bool) -> Iterator[tuple[ShardSampleEntry, dict[str, bytes]]]:
    current: ShardSampleEntry | None = None
    content: dict[str, bytes] = {}
    for info in _entries(stream, shard):
        folder, slash, file = info.name.rpartition("/")
        key, _, member = file.partition(".")
        key = folder + slash + key
        if current is None or key != current.key:
            if current is not None:
                yield current, content
            current, content = ShardSampleEntry(key, shard, info.offset), {}
        if member in current.members:
            current.repeated.append(member)
        current.members[member] = Member(member, info.offset_data, info.size)
        current.end = info.offset_data + info.size
        if read:
            stream.seek(info.offset_data)
            content[member] = stream.read(info.size)
    if current is not None:
        yield current, content


def _entries(stream: BinaryIO, shard: str) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(fileobj=stream, mode="r:", **NAMES) as tar:
            for info in tar:
                tar.members = []  # type: ignore[assignment]
                if info.isdir():
                    continue
                if not info.isfile():
                    raise ShardError(f"{shard}: {info.name!r} is not a plain file")
                if not 0 <= info.size <= MEMBER_BYTES:
                    raise ShardError(f"{shard}: {info.name!r} claims {info.size} bytes")
                yield info
            stream.seek(tar.offset)
            if stream.read(BLOCK) != bytes(BLOCK):
                raise ShardError(f"{shard}: cut off or damaged at byte {tar.offset}")
    except (tarfile.TarError, ValueError) as error:
        raise ShardError(f"{shard}: {error}") from error
