"""Opening every member of every shard, and comparing what is there with what the index says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Resources
from vidal.shard.faults import Problem, check_counts, reason
from vidal.shard.read import Shards
from vidal.shard.tar_check import CheckTar, TarChecked, TarWork

T = TypeVar("T")

PROCESS_BYTES = 16_000_000
"""What is checked in about the time that a process takes to start."""


@dataclass(frozen=True)
class Verified:
    """What verification read, and what it found wrong."""

    shards: int
    samples: int
    members: int
    bytes: int
    problems: tuple[Problem, ...]


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


def _beside(shards: Shards, name: str, read: Callable[[BinaryIO], T], problems: list[Problem]) -> T | None:
    """What a file beside the shards says; None where there is none or, which is a problem, it cannot be read."""
    path = f"{shards.folder}/{name}"
    if not shards.fs.exists(path):
        return None
    try:
        with shards.fs.open(path, "rb") as stream:
            return read(stream)
    except Exception as error:
        problems.append(Problem(name, "", "", f"cannot be read: {reason(error)}"[:300]))
        return None


def _read_index(stream: BinaryIO) -> pa.Table:
    return pq.read_table(stream, columns=["key", "shard", "offset", "members"], use_threads=False)


def _read_sums(stream: BinaryIO) -> dict[str, str]:
    return {name: shard["sha256"] for name, shard in json.load(stream)["shards"].items()}


def _read_sizes(stream: BinaryIO) -> dict[str, int]:
    return {name: int(count) for name, count in json.load(stream).items()}
