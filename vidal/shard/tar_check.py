"""One tar opened from end to end: what it holds, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from vidal.shard.checksum import HashingReader
from vidal.shard.faults import Problem, check_index, check_sample
from vidal.shard.layout import damaged
from vidal.shard.load import scanned_row
from vidal.shard.read import ShardError, Shards, contents


@dataclass(frozen=True)
class TarWork:
    """A tar to check, with the rows that the index has of it (None: no index), and the SHA-256 that is stated."""

    path: str
    rows: pa.Table | None
    sha256: str | None

    @property
    def label(self) -> str:
        return self.path.rpartition("/")[2]

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True)
class TarChecked:
    """What a tar holds: its keys in order, as far as they can be told, and `whole`, whether it was read to its end.

    `sha256` is that of the tar, and `rows` say where each sample lies and what its members' checksums are, as an index
    would; both only where they were asked for.
    """

    name: str
    keys: tuple[str, ...]
    strangers: tuple[str, ...]
    whole: bool
    members: int
    bytes: int
    problems: tuple[Problem, ...]
    sha256: str | None
    rows: tuple[dict[str, Any], ...]


class CheckTar:
    """Reads and decodes all of a tar, in one pass, and compares it with its rows of the index and its stated SHA-256.
    `tell` is whether the tar's checksum and rows are wanted."""

    name = "verify"

    def __init__(self, shards: Shards, tell: bool = False) -> None:
        self.shards = shards
        self.tell = tell

    def setup(self) -> None:
        return

    def __call__(self, work: TarWork) -> TarChecked:
        with self.shards.fs.open(work.path, "rb") as stream:
            return self._checked(work, HashingReader(stream) if self.tell or work.sha256 else stream)

    def _checked(self, work: TarWork, stream: Any) -> TarChecked:
        index = None if work.rows is None else {row["key"]: row for row in work.rows.to_pylist()}
        problems: list[Problem] = []
        keys: list[str] = []
        strangers: list[str] = []
        rows: list[dict[str, Any]] = []
        members = size = 0
        whole, sha256 = True, None
        try:
            for sample, content in contents(stream, work.label):
                keys.append(sample.key)
                members += len(content)
                size += sample.size
                problems += check_sample(sample, content)
                sums = {} if index is None and not self.tell else _sums(content)
                if index is not None and sample.key not in index:
                    strangers.append(sample.key)
                elif index is not None:
                    problems += check_index(sample, sums, index[sample.key])
                if self.tell:
                    summed = {name: replace(place, sha256=sums[name]) for name, place in sample.members.items()}
                    rows.append(scanned_row(replace(sample, members=summed)))
        except ShardError as error:
            whole = False
            problems.append(Problem(work.label, "", "", str(error)))
        if whole and isinstance(stream, HashingReader):
            sha256 = stream.sha256()
        if not whole and index:
            lost = _damaged(work, stream, index)
            told = {(problem.key, problem.member) for problem in problems}
            problems += [problem for problem in lost if (problem.key, problem.member) not in told]
            keys += [key for key in index if key not in keys]
        elif not problems and set(keys) == set(index or keys) and work.sha256 not in (None, sha256):
            problems += (_damaged(work, stream, index) if index else []) or [
                Problem(work.label, "", "", "differs from its SHA-256 in stats.json")
            ]
        found = tuple(keys), tuple(strangers), whole, members, size, tuple(problems)
        return TarChecked(work.label, *found, sha256, tuple(rows))


def _sums(content: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}


def _damaged(work: TarWork, stream: Any, index: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    rows = sorted(index.values(), key=lambda row: row["offset"])
    return [Problem(work.label, *found) for found in damaged(stream, rows)]
