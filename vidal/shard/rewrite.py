"""Shards without what was forgotten: a tar that holds it is copied without it, whatever else is built or stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa

from vidal.engine.forgotten import Forgotten, Held
from vidal.engine.tar import BLOCK, TarWriter
from vidal.engine.workspace import Workspace
from vidal.shard import record
from vidal.shard.publish import FOLDER, INDEX_FILE, STATS_FILE, describe, measured
from vidal.shard.read import ShardError, Shards, ShardSampleEntry

REWRITTEN, REMOVED, LOST = "rewritten", "removed", "lost"
"""What became of a shard: copied; gone, since all of it was forgotten; gone, since no record tells what it holds, so
that the next build has to write it again."""


def holding(workspace: Workspace, forgotten: Forgotten) -> dict[str, frozenset[str]]:
    """The shards that hold forgotten samples, each with their keys: as their records say or, where there is none, as
    the headers of the tar do. A shard without a tar is one of which a record is left."""
    found: dict[str, frozenset[str]] = {}
    recorded = set()
    for shard, file in record.files(workspace):
        recorded.add(shard)
        keys = workspace.read_table(file, columns=["key"])["key"].to_pylist()
        found[shard] = found.get(shard, frozenset()) | {key for key in keys if key in forgotten}
    for shard in sorted(_tars(workspace) - recorded):
        found[shard] = frozenset(key for key in _keys(workspace, shard) if key in forgotten)
    return {shard: keys for shard, keys in sorted(found.items()) if keys}


def places(workspace: Workspace, forgotten: Forgotten, shards: Mapping[str, frozenset[str]]) -> dict[str, Held]:
    """The place each forgotten sample has in the shards that `holding` found, as far as their records tell it."""
    found, there = {}, _tars(workspace)
    for shard, file in record.files(workspace):
        if shard in shards and shard in there:
            for row in workspace.read_table(file).to_pylist():
                if row["key"] in forgotten and row.get("weight") is not None:
                    found[row["key"]] = Held(row["kind"], row["weight"])
    return found


def rewrite(workspace: Workspace, shard: str, forgotten: Forgotten) -> str:
    """Take what is forgotten out of a shard, and tell what became of it.

    The new tar takes the place of the old one whole; then its record is written, then the old record goes. The tar's
    own headers say what it holds, so the same call ends the work wherever it was interrupted.
    """
    files = [file for name, file in record.files(workspace) if name == shard]
    try:
        written = _copied(workspace, shard, files, forgotten) if shard in _tars(workspace) else None
        outcome = REWRITTEN if written else REMOVED
    except ShardError:
        written, outcome = None, LOST
    if written is None:
        workspace.remove(_tar(shard))
    for file in files:
        if file != written:
            workspace.remove(file)
    return outcome


def republish(workspace: Workspace, prefix: str, forgotten: Forgotten) -> None:
    """Describe the shards as they stand, where what is published tells of something forgotten or was left half done."""
    if not workspace.exists(INDEX_FILE):
        return
    keys = workspace.read_table(INDEX_FILE, columns=["key"])["key"].to_pylist()
    if not workspace.exists(STATS_FILE) or any(key in forgotten for key in keys):
        shards = sorted((name, file) for name, file in record.files(workspace) if record.stands(workspace, name, file))
        describe(workspace, prefix, shards)


def _copied(workspace: Workspace, shard: str, files: list[str], forgotten: Forgotten) -> str | None:
    """Copy a shard without what is forgotten; the path of its record, or None where nothing is left. Raises
    ShardError where the tar is damaged, or not what its records say."""
    rows = {row["key"]: row for file in files for row in workspace.read_table(file).to_pylist()}
    left = [entry for entry in _samples(workspace, shard) if entry.key not in forgotten]
    if not left:
        return None
    for entry in left:
        listed = {member["name"]: member["size"] for member in rows.get(entry.key, {}).get("members", ())}
        if listed != {member.name: member.size for member in entry.members.values()}:
            raise ShardError(f"{shard}.tar: {entry.key} is not what its record says")
    facts = workspace.table_metadata(files[0])
    if "made" not in facts:
        raise ShardError(f"{shard}.tar: its record does not say how it was made")
    with workspace.open(_tar(shard)) as source, workspace.create(_tar(shard)) as target:
        _copy(source, target, left)
    moved = [_moved(rows[entry.key], entry) for entry in _samples(workspace, shard)]
    table = pa.Table.from_pylist(moved, record.schema_like(workspace.read_table(files[0]).schema))
    return record.write(workspace, shard, record.made_of(facts), table, *measured(workspace, _tar(shard)))


def _copy(source: BinaryIO, target: BinaryIO, entries: list[ShardSampleEntry]) -> None:
    """Write the tar of these samples, their members read one at a time."""
    writer = TarWriter(target)
    for entry in entries:
        for member in entry.members.values():
            source.seek(member.offset)
            writer.add(f"{entry.key}.{member.name}", source.read(member.size))
    writer.close()


def _moved(row: Mapping[str, Any], entry: ShardSampleEntry) -> dict[str, Any]:
    """A row of a record with the places that its sample has in the tar."""
    members = [{**member, "offset": entry.members[member["name"]].offset} for member in row["members"]]
    first, last = members[0]["offset"] - BLOCK, members[-1]
    return {**row, "offset": first, "size": last["offset"] + last["size"] - first, "members": members}


def _keys(workspace: Workspace, shard: str) -> Iterator[str]:
    """The keys in a tar, as far as it can be read."""
    try:
        yield from (entry.key for entry in _samples(workspace, shard))
    except ShardError:
        return


def _samples(workspace: Workspace, shard: str) -> Iterator[ShardSampleEntry]:
    tar = Shards(f"{workspace.url}/{_tar(shard)}")
    return tar.samples(tar.paths[0])


def _tars(workspace: Workspace) -> set[str]:
    return {name.removesuffix(".tar") for name in workspace.list(FOLDER) if name.endswith(".tar")}


def _tar(shard: str) -> str:
    return f"{FOLDER}/{shard}.tar"
