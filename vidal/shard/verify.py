"""Opening every member of every shard, and comparing what is there with what the index says."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Resources
from vidal.shard.checksum import HashingReader
from vidal.shard.layout import damaged
from vidal.shard.load import scanned_row
from vidal.shard.read import MEMBER_BYTES, ShardError, Shards, ShardSampleEntry, contents, kind_of

T = TypeVar("T")

PROCESS_BYTES = 16_000_000
"""What is checked in about the time that a process takes to start."""

REQUIRED = {"video": ("mp4", "json", "txt", "frm0.jpg"), "audio": ("flac", "json", "txt")}
SERIES = {"frm": "jpg", "dep": "png", "tml": "jpg", "ofa": "txt"}
"""Members that come one per keyframe: all or none of them."""
NUMBERED = re.compile(r"(frm|dep|tml|ofa)(\d{1,4})\.(jpg|png|txt)", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a shard set; `key` and `member` are empty where it is not one sample's."""

    shard: str
    key: str
    member: str
    message: str


@dataclass(frozen=True)
class Verified:
    """What verification read, and what it found wrong."""

    shards: int
    samples: int
    members: int
    bytes: int
    problems: tuple[Problem, ...]


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


def verify(shards: Shards, workers: int = 0) -> Verified:
    """Read and decode everything, in as many processes (0: this one), of which the result does not depend. Problems are
    collected, none stops the check of the next sample.

    Where a folder is named, every shard its index or `sizes.json` speaks of is looked for; where shards are named, what
    is said of others is left aside. A tar in which no sample is wrong is compared with its SHA-256 in `stats.json`;
    what differs there, or stops readers, is told by the member it belongs to, as far as there is an index.
    """
    return check(shards, workers)[0]


def check(shards: Shards, workers: int = 0, tell: bool = False) -> tuple[Verified, list[TarChecked]]:
    """What `verify` finds, and what each tar holds, in order of name; `tell`: with its checksum and its rows."""
    problems: list[Problem] = []
    index = _beside(shards, "index.parquet", _read_index, problems)
    sizes = _beside(shards, "sizes.json", _read_sizes, problems)
    sums = _beside(shards, "stats.json", _read_sums, problems) or {}
    works = [TarWork(path, _rows(index, name), sums.get(name)) for path in shards.paths for name in [_name(path)]]
    runner = LocalRunner(workers)
    try:
        checked = sorted(runner.run(CheckTar(shards, tell), works, Resources()), key=lambda tar: tar.name)
    finally:
        runner.close()
    home = {} if index is None else dict(zip(*(index[name].to_pylist() for name in ("key", "shard")), strict=True))
    seen: dict[str, str] = {}
    for tar in checked:
        for key in tar.keys:
            if key in seen:
                problems.append(Problem(tar.name, key, "", f"the key stands in {seen[key]} too"))
            seen[key] = tar.name
        for key in tar.strangers:
            said = f"the index says {home[key]}" if key in home else "not in the index"
            problems.append(Problem(tar.name, key, "", said))
        problems += tar.problems
    counts = {tar.name: len(tar.keys) if tar.whole else None for tar in checked}
    wanted = [(key, shard) for key, shard in home.items() if shards.whole or shard in counts]
    problems += [Problem(shard, key, "", "in the index, in no shard") for key, shard in wanted if key not in seen]
    if sizes is not None:
        problems += check_counts(counts, {name: sizes[name] for name in sizes if shards.whole or name in counts})
    members, size = sum(tar.members for tar in checked), sum(tar.bytes for tar in checked)
    return Verified(len(shards.paths), len(seen), members, size, tuple(problems)), checked


def processes(sizes: Sequence[int], cores: int) -> int:
    """The processes that check local shards of these bytes soonest, of at most `cores`; 0: this one alone. Each must
    have PROCESS_BYTES to do, and beside the largest shard, which one of them checks, there is work for so many."""
    total, most = sum(sizes), max(sizes, default=0)
    worth = min(cores, total // PROCESS_BYTES, round(total / most) if most else 0)
    return worth if worth > 1 else 0


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _rows(index: pa.Table | None, shard: str) -> pa.Table | None:
    return None if index is None else index.filter(pc.equal(index["shard"], shard))


def check_counts(counts: Mapping[str, int | None], stated: Mapping[str, int]) -> Iterator[Problem]:
    """Problems between the samples counted in each shard (None: it could not be read) and those `sizes.json` states."""
    for name in sorted(set(counts) | set(stated)):
        if name not in counts:
            yield Problem(name, "", "", f"no such shard; sizes.json says {stated[name]} samples")
        elif name not in stated:
            yield Problem(name, "", "", "not in sizes.json")
        elif counts[name] not in (None, stated[name]):
            yield Problem(name, "", "", f"{counts[name]} samples; sizes.json says {stated[name]}")


def check_sample(sample: ShardSampleEntry, content: Mapping[str, bytes]) -> Iterator[Problem]:
    """Problems inside one sample: members that are missing, repeated, or do not decode."""
    for name in sample.repeated:
        yield Problem(sample.shard, sample.key, name, "stands twice in the sample")
    for name, data in sorted(content.items()):
        try:
            decoder(name)(data)
        except Exception as error:
            yield Problem(sample.shard, sample.key, name, f"does not decode: {_reason(error)}"[:300])
    for name in sorted(expected(content) - set(content)):
        yield Problem(sample.shard, sample.key, name, "missing")


def expected(content: Collection[str]) -> set[str]:
    """The members a sample of this kind must have, and those of each series it has, for every number it has in any."""
    kind = kind_of(content)
    found: dict[str, set[int]] = defaultdict(set)
    for name in content:
        match = NUMBERED.fullmatch(name)
        if match and SERIES[match[1]] == match[3]:
            found[match[1]].add(int(match[2]))
    numbers = set().union(*found.values(), range(len(found["frm"])))
    series = {f"{prefix}{number}.{SERIES[prefix]}" for prefix, own in found.items() if own for number in numbers}
    return {*REQUIRED[kind], *series}


def check_index(sample: ShardSampleEntry, sums: Mapping[str, str], row: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems between a sample, of whose members these are the checksums, and its row of the index."""
    if any(sample.members[m["name"]].offset != m["offset"] for m in row["members"] if m["name"] in sample.members):
        yield Problem(sample.shard, sample.key, "", "does not lie where the index says")
    listed = {member["name"]: member["sha256"] for member in row["members"]}
    for name in sorted(set(listed) | set(sums)):
        if name not in sums:
            yield Problem(sample.shard, sample.key, name, "in the index, not in the shard")
        elif name not in listed:
            yield Problem(sample.shard, sample.key, name, "in the shard, not in the index")
        elif sums[name] != listed[name]:
            yield Problem(sample.shard, sample.key, name, "differs from its checksum in the index")


def decoder(name: str) -> Callable[[bytes], Any]:
    """What opens a member of this name, raising where it is damaged; members of unknown kinds pass."""
    from vidal.media.depth_png import decode_depth
    from vidal.media.images import decode_image
    from vidal.media.sound import decode_audio

    decoders: dict[str, Callable[[bytes], Any]] = {
        "json": partial(json.loads, parse_constant=_no_number),
        "txt": lambda data: data.decode("utf-8"),
        "flac": decode_audio,
        "mp4": _probe_clip,
        "png": decode_depth if name.startswith("dep") else decode_image,
        "jpg": decode_image,
    }
    return decoders.get(name.rpartition(".")[2], bytes)


def _probe_clip(data: bytes) -> Any:
    import tempfile
    from pathlib import Path

    from vidal.media.limits import MediaLimits
    from vidal.media.probe import probe

    with tempfile.NamedTemporaryFile(prefix="vidal-", suffix=".mp4") as file:
        file.write(data)
        file.flush()
        return probe(Path(file.name), MediaLimits(max_seconds=inf, max_bytes=MEMBER_BYTES))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _beside(shards: Shards, name: str, read: Callable[[BinaryIO], T], problems: list[Problem]) -> T | None:
    """What a file beside the shards says; None where there is none or, which is a problem, it cannot be read."""
    path = f"{shards.folder}/{name}"
    if not shards.fs.exists(path):
        return None
    try:
        with shards.fs.open(path, "rb") as stream:
            return read(stream)
    except Exception as error:
        problems.append(Problem(name, "", "", f"cannot be read: {_reason(error)}"[:300]))
        return None


def _read_index(stream: BinaryIO) -> pa.Table:
    return pq.read_table(stream, columns=["key", "shard", "offset", "members"], use_threads=False)


def _read_sums(stream: BinaryIO) -> dict[str, str]:
    return {name: shard["sha256"] for name, shard in json.load(stream)["shards"].items()}


def _read_sizes(stream: BinaryIO) -> dict[str, int]:
    return {name: int(count) for name, count in json.load(stream).items()}


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
