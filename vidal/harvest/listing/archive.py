"""WebDataset tars of others: the samples in their headers, and members by the bytes they span."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vidal.engine.tar import NAMES

MEMBER_BYTES = 1 << 30
"""Largest member; what claims more is damage."""


class ArchiveError(Exception):
    """A tar that cannot be read on; the message says from where."""


@dataclass(frozen=True)
class Span:
    """Where a member's content lies in its tar, in bytes."""

    offset: int
    size: int


@dataclass
class Entry:
    """Neighbouring files of a tar with the same key: their name up to the first dot after the last slash."""

    key: str
    members: dict[str, Span] = field(default_factory=dict)


def entries(stream: Any) -> Iterator[Entry]:
    """The samples of a tar in order, each once all its members are known to be there whole. Content is skipped, names
    are never used as paths; links and devices are left out.

    Raises ArchiveError where the tar ends early or is no tar; the samples before are good, the one it breaks is not
    given. Of members of one name the last is right, as for webdataset.
    """
    stream.seek(0)
    current: Entry | None = None
    try:
        with tarfile.open(fileobj=stream, mode="r:", **NAMES) as tar:
            for info in tar:
                tar.members = []  # type: ignore[assignment]
                if not info.isfile():
                    continue
                if not 0 <= info.size <= MEMBER_BYTES:
                    raise ArchiveError(f"cut off or damaged at byte {info.offset:,}")
                folder, slash, file = info.name.rpartition("/")
                stem, dot, member = file.partition(".")
                if not stem or not dot:
                    continue
                key = folder + slash + stem
                if current is None or key != current.key:
                    if current is not None:
                        yield current
                    current = Entry(key)
                current.members[member.lower()] = Span(info.offset_data, info.size)
            stream.seek(tar.offset)
            if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise ArchiveError(f"cut off or damaged at byte {tar.offset:,}")
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise ArchiveError(f"not a tar, or a damaged one: {error}") from error
    if current is not None:
        yield current
