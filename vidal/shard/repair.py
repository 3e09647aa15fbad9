"""A shard set without its damaged samples, and a ledger of what was left out and why."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.errors import ConfigError
from vidal.engine.schemas import INDEX
from vidal.engine.tar import TarWriter
from vidal.engine.workspace import Workspace
from vidal.shard.checksum import HashingStream, blocks
from vidal.shard.faults import Problem
from vidal.shard.load import INDEX_FILE, load
from vidal.shard.publish import lay_beside
from vidal.shard.read import ShardError, Shards
from vidal.shard.statistics import statistics
from vidal.shard.tar_check import TarChecked
from vidal.shard.verify import check

LEDGER = "repair.jsonl"
"""A line per problem of a sample that was left out, and per shard that was changed."""


@dataclass(frozen=True)
class Repaired:
    """What a repair wrote: samples kept and dropped, shards copied as they were, written anew and left out."""

    samples: int
    dropped: tuple[str, ...]
    copied: tuple[str, ...]
    rewritten: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[Problem, ...]


def repair(location: str, out: str, workers: int = 0) -> Repaired:
    """Write the samples of which nothing is wrong as a shard set at `out`, a folder or URL with nothing in it: tars of
    the same names and order, index, statistics, sizes, card, and the ledger.

    A shard without a problem is copied byte for byte; of the others the sound samples are, each as it was. Places come
    from the index, so that a damaged header or a shard that ends early costs the samples it stands in alone; of a shard
    that no index speaks of, what stands before the damage is kept. What is copied is compared with what was checked.
    Raises ConfigError where `out` holds something, or a shard is changed meanwhile.
    """
    target = Workspace(out)
    if target.fs.exists(target.root) and target.fs.ls(target.root, detail=False):
        raise ConfigError(f"--repair {out}: there is something already; name a folder that is new or empty")
    shards = Shards(location)
    found, checked = check(shards, workers, tell=True)
    wrong: dict[str, set[str]] = defaultdict(set)
    for problem in found.problems:
        wrong[problem.shard].add(problem.key)
    index = _places(location, shards, checked)
    rows, facts, outcome = [], {}, defaultdict(list)
    tars = {tar.name: tar for tar in checked}
    for path in shards.paths:
        tar = tars[path.rpartition("/")[2]]
        kept = [row for row in _rows(index, tar.name) if row["key"] not in wrong[tar.name]]
        if not kept:
            outcome["removed"].append(tar.name)
            continue
        with target.create(tar.name) as stream, shards.fs.open(path, "rb") as source:
            passing = HashingStream(stream)
            if wrong[tar.name]:
                kept = _rewritten(passing, source, kept)
            else:
                _copied(passing, source, tar)
        outcome["rewritten" if wrong[tar.name] else "copied"].append(tar.name)
        rows += kept
        stem, size = tar.name.removesuffix(".tar"), str(passing.size)
        facts[stem] = {"samples": str(len(kept)), "bytes": size, "sha256": passing.sha256}
    dropped = sorted({key for keys in wrong.values() for key in keys if key} - {row["key"] for row in rows})
    _describe(target, index, rows, facts)
    ledger = "".join(json.dumps(asdict(problem), ensure_ascii=False) + "\n" for problem in found.problems)
    target.write_bytes(LEDGER, ledger.encode())
    told = {name: tuple(outcome[name]) for name in ("copied", "rewritten", "removed")}
    return Repaired(len(rows), tuple(dropped), **told, problems=found.problems)


def _places(location: str, shards: Shards, checked: Sequence[TarChecked]) -> pa.Table:
    """A row per sample as the index beside the shards has it; where there is none, as the check found it."""
    if shards.fs.exists(f"{shards.folder}/{INDEX_FILE}"):
        try:
            return load(location).table
        except ShardError:
            pass
    return pa.Table.from_pylist([row for tar in checked for row in tar.rows], schema=INDEX)


def _rows(index: pa.Table, shard: str) -> list[dict[str, Any]]:
    return index.filter(pc.equal(index["shard"], shard)).to_pylist()


def _copied(stream: HashingStream, source: Any, tar: TarChecked) -> None:
    """Write a tar as it is. ConfigError where it is not what was checked."""
    for block in blocks(source):
        stream.write(block)
    if stream.sha256 != tar.sha256:
        raise _changed(tar.name)


def _rewritten(stream: HashingStream, source: Any, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write the tar of these samples, and return their rows with the places they have in it. ConfigError where a member
    is not what was checked."""
    writer, moved = TarWriter(stream), []
    for row in rows:
        places = []
        for member in row["members"]:
            source.seek(member["offset"])
            data = source.read(member["size"])
            if hashlib.sha256(data).hexdigest() != member["sha256"]:
                raise _changed(f"{row['shard']}: {row['key']}.{member['name']}")
            place = writer.add(f"{row['key']}.{member['name']}", data)
            places.append((place, {**member, "offset": place.offset}))
        start, last = places[0][0].header, places[-1][0]
        told = {"offset": start, "size": last.offset + last.size - start, "members": [member for _, member in places]}
        moved.append({**row, **told})
    writer.close()
    return moved


def _changed(name: str) -> ConfigError:
    return ConfigError(
        f"{name} was changed after it was checked, so this is no repaired set; remove it, let nothing write to the "
        "shards, and repair again"
    )


def _describe(
    target: Workspace, index: pa.Table, rows: Sequence[Mapping[str, Any]], facts: dict[str, dict[str, str]]
) -> None:
    """All that stands beside shards, of what was written."""
    table = pa.Table.from_pylist(list(rows), schema=index.schema)
    prefix = min(facts, default="shards").rpartition("-")[0].removesuffix("-audio") or "shards"
    found = statistics([table])
    lay_beside(target, "", prefix, table.schema, [table], found.told(facts, table.column_names), found)
