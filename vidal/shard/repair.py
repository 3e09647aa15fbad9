"""A shard set without its damaged samples, and a ledger of what was left out and why."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.errors import ConfigError
from vidal.engine.schemas import INDEX
from vidal.engine.tar import TarWriter
from vidal.engine.workspace import Workspace
from vidal.shard.checksum import HashingStream, blocks
from vidal.shard.index import Index, load, part, scanned_row
from vidal.shard.publish import lay_beside, statistics
from vidal.shard.ranges import RangeError
from vidal.shard.read import ShardError, Shards
from vidal.shard.verify import Problem, verify

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
    that no index speaks of, what stands before the damage is kept. Raises ConfigError where `out` holds something.
    """
    target = Workspace(out)
    if target.fs.exists(target.root) and target.fs.ls(target.root, detail=False):
        raise ConfigError(f"--repair {out}: there is something already; name a folder that is new or empty")
    shards = Shards(location)
    found = verify(shards, workers)
    wrong: dict[str, set[str]] = defaultdict(set)
    for problem in found.problems:
        wrong[problem.shard].add(problem.key)
    index = _places(location, shards)
    rows, facts, outcome = [], {}, defaultdict(list)
    for path in shards.paths:
        name = path.rpartition("/")[2]
        known = {at: index.row(at) for at in _positions(index, name)}
        read = (_read(index, at, row) for at, row in known.items() if row["key"] not in wrong[name])
        kept = [row for row in read if row is not None]
        wrong[name] |= {row["key"] for row in known.values()} - {row["key"] for row in kept}
        if not kept:
            outcome["removed"].append(name)
            continue
        with target.create(name) as stream, shards.fs.open(path, "rb") as source:
            passing = HashingStream(stream)
            if wrong[name]:
                written = _rewritten(passing, source, kept)
            else:
                for block in blocks(source):
                    passing.write(block)
                written = kept
        outcome["rewritten" if wrong[name] else "copied"].append(name)
        rows += written
        stem, size = name.removesuffix(".tar"), str(passing.size)
        facts[stem] = {"samples": str(len(kept)), "bytes": size, "sha256": passing.sha256}
    dropped = sorted({key for keys in wrong.values() for key in keys if key} - {row["key"] for row in rows})
    _describe(target, index, rows, facts)
    ledger = "".join(json.dumps(asdict(problem), ensure_ascii=False) + "\n" for problem in found.problems)
    target.write_bytes(LEDGER, ledger.encode())
    told = {name: tuple(outcome[name]) for name in ("copied", "rewritten", "removed")}
    return Repaired(len(rows), tuple(dropped), **told, problems=found.problems)


def _places(location: str, shards: Shards) -> Index:
    """Where samples lie; of a shard that no index speaks of, as far as its headers can be read."""
    try:
        return load(location)
    except ShardError:
        rows = []
        for path in shards.paths:
            try:
                rows.extend(map(scanned_row, shards.samples(path)))
            except ShardError:
                continue
        fs, _ = fsspec.core.url_to_fs(location)
        return Index(fs, shards.folder, *part(pa.Table.from_pylist(rows, schema=INDEX)))


def _positions(index: Index, shard: str) -> list[int]:
    return pc.indices_nonzero(pc.equal(index.facts["shard"], shard)).to_pylist()


def _read(index: Index, at: int, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A row of the index as it is written, each member with the checksum of what lies there; None where that differs
    from what the index says, or the shard ends before it."""
    members = []
    try:
        for place in row["members"].values():
            data = index.read(at, place.offset, place.size)
            sha256 = hashlib.sha256(data).hexdigest()
            if place.sha256 not in (None, sha256):
                return None
            members.append({"name": place.name, "offset": place.offset, "size": place.size, "sha256": sha256})
    except RangeError:
        return None
    return {**row, "members": members}


def _rewritten(stream: Any, source: Any, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write the tar of these samples, and return their rows with the places they have in it."""
    writer, moved = TarWriter(stream), []
    for row in rows:
        places = []
        for member in row["members"]:
            source.seek(member["offset"])
            place = writer.add(f"{row['key']}.{member['name']}", source.read(member["size"]))
            places.append((place, {**member, "offset": place.offset}))
        start, last = places[0][0].header, places[-1][0]
        told = {"offset": start, "size": last.offset + last.size - start, "members": [member for _, member in places]}
        moved.append({**row, **told})
    writer.close()
    return moved


def _describe(
    target: Workspace, index: Index, rows: Sequence[Mapping[str, Any]], facts: dict[str, dict[str, str]]
) -> None:
    """All that stands beside shards, of what was written."""
    table = pa.Table.from_pylist(list(rows), schema=index.table.schema)
    prefix = min(facts, default="shards").rpartition("-")[0].removesuffix("-audio") or "shards"
    lay_beside(target, "", prefix, table, statistics(table, facts))
