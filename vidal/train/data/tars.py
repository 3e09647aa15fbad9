"""The samples of a tar, from any of them on: bounded, and what is not wanted is passed over without being read.

Names are told apart as webdataset does. Its own iterators read every member whole, whatever its size, and cannot begin
in the middle; these can, since a position in an epoch is a number of samples.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import fsspec
from webdataset.tariterators import base_plus_ext

from vidal.engine.tar import BLOCK, NAMES

MEMBER_BYTES = 256 << 20
"""Largest member that is read: above a clip of a build, which has at most 200 MB."""
STREAM_BYTES = 1 << 20


class ShardError(Exception):
    """A tar that cannot be read to its end; the message says where."""


@dataclass
class RawSample:
    """One sample of a shard, undecoded: its wanted members by name, and what is wrong with it, if anything is."""

    key: str
    members: dict[str, bytes] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    fault: str | None = None

    @property
    def size(self) -> int:
        return sum(map(len, self.members.values()))


def open_tar(url: str) -> Any:
    """A shard for reading, at any fsspec URL. Whatever the filesystem raises."""
    return fsspec.open(url, "rb")


def samples(url: str, wanted: Callable[[str], bool], first: int = 0) -> Iterator[RawSample]:
    """The samples of one tar from the one numbered `first` on, with those of their members that are wanted.

    `names` holds the names of all members. Raises ShardError where the tar ends early or is damaged, and what the
    filesystem raises where it cannot be reached.
    """
    number, current = -1, None
    with open_tar(url) as stream:
        try:
            for tar, info, key, member in _members(stream):
                if current is None or key != current.key:
                    if current is not None and number >= first:
                        yield current
                    number, current = number + 1, RawSample(key)
                if number >= first:
                    _add(current, tar, info, member, wanted)
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise ShardError(str(error)) from error
    if current is not None and number >= first:
        yield current


def _add(sample: RawSample, tar: tarfile.TarFile, info: tarfile.TarInfo, member: str, wanted: Callable) -> None:
    if member in sample.names:
        sample.fault = sample.fault or f"{member} stands there twice"
    elif wanted(member) and info.size > MEMBER_BYTES:
        sample.fault = sample.fault or f"{member} has {info.size} bytes"
    elif wanted(member):
        sample.members[member] = tar.extractfile(info).read()
    sample.names.add(member)


def _members(stream: BinaryIO) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, str, str]]:
    """The plain files of a tar that are members of samples, with the sample's key and the member's name."""
    seekable = stream.seekable()
    mode = "r:" if seekable else "r|"
    with tarfile.open(fileobj=stream, mode=mode, bufsize=STREAM_BYTES, **NAMES) as tar:
        for info in tar:
            tar.members = []  # type: ignore[assignment]
            key, member = base_plus_ext(info.name) if info.isreg() else (None, None)
            if key is not None:
                yield tar, info, key, member.lower()
        if seekable:
            stream.seek(tar.offset)
            if stream.read(BLOCK) != bytes(BLOCK):
                raise ShardError(f"cut off or damaged at byte {tar.offset}")
