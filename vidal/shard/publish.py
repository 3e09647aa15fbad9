"""What stands beside the tars of a dataset: index, statistics, sizes, checksums, card and Croissant metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.schemas import INDEX
from vidal.engine.workspace import Workspace
from vidal.shard.card import card
from vidal.shard.checksum import checksum
from vidal.shard.croissant import croissant
from vidal.shard.record import OWN, SCORE
from vidal.shard.split import TRAIN

FOLDER = "shards"
INDEX_FILE = f"{FOLDER}/index.parquet"
STATS_FILE = f"{FOLDER}/stats.json"
UNKNOWN = "unknown"


def publish(workspace: Workspace, prefix: str, shards: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Remove the tars that are not among the shards given as (name, record), and describe those that are.

    Returns lines for the user.
    """
    planned = {f"{name}.tar" for name, _ in shards}
    for file in workspace.list(FOLDER):
        if file.endswith(".tar") and file not in planned:
            workspace.remove(f"{FOLDER}/{file}")
    describe(workspace, prefix, shards)
    if not shards:
        return ("no sample was kept: shards/ is empty; `vidal status` and `vidal failures` say where they went",)
    return ()


def describe(workspace: Workspace, prefix: str, shards: Sequence[tuple[str, str]]) -> None:
    """Write index, statistics, sizes, checksums, card and metadata for the shards given as (name, record).

    Files that would not change are left alone. The statistics go first and come last: where they stand, the other
    files agree with them.
    """
    index = indexed([workspace.read_table(record) for _, record in shards])
    facts = {name: workspace.table_metadata(record) for name, record in shards}
    stats = statistics(index, facts)
    if workspace.exists(STATS_FILE) and workspace.read_json(STATS_FILE) == stats:
        return
    workspace.remove(STATS_FILE)
    lay_beside(workspace, f"{FOLDER}/", prefix, index, stats)


def lay_beside(place: Workspace, folder: str, prefix: str, index: pa.Table, stats: Mapping[str, Any]) -> None:
    """Write all that stands beside the tars of a dataset, into the folder with this path: empty, or with a slash at
    its end."""
    place.write_table(f"{folder}index.parquet", index)
    place.write_json(f"{folder}sizes.json", {name: shard["samples"] for name, shard in stats["shards"].items()})
    place.write_bytes(f"{folder}__len__", str(len(index)).encode())
    sha256, _ = measured(place, f"{folder}index.parquet")
    sums = {**{name: shard["sha256"] for name, shard in stats["shards"].items()}, "index.parquet": sha256}
    place.write_bytes(f"{folder}SHA256SUMS", "".join(f"{sum_}  {name}\n" for name, sum_ in sums.items()).encode())
    place.write_bytes(f"{folder}README.md", card(prefix, stats, members(index)).encode())
    place.write_json(f"{folder}croissant.json", croissant(prefix, stats, index.schema, sha256))
    place.write_json(f"{folder}stats.json", stats)


def indexed(records: Sequence[pa.Table]) -> pa.Table:
    """The index that records make together: what the oldest of them lack is null, and the scores of all are there."""
    tables = [table.replace_schema_metadata(None).drop_columns(OWN.names) for table in records]
    index = pa.concat_tables([INDEX.empty_table(), *tables], promote_options="permissive")
    scores = sorted(name for name in index.column_names if name.startswith(SCORE))
    return index.select([*INDEX.names[:-1], *scores, INDEX.names[-1]])


def statistics(index: pa.Table, facts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Counts, hours and bytes of a dataset, by kind, split, source, licence, language and member, the SHA-256 of each
    shard, and the columns of the index."""
    rows = index.select(["kind", "seconds", "members"]).to_pylist()
    seconds: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for row in rows:
        seconds[row["kind"]] += row["seconds"] or 0.0
        for member in row["members"]:
            sizes[member["name"]] += member["size"]
            counts[member["name"]] += 1
    return {
        "samples": _counted(index, "kind"),
        "splits": _counted(index, "split", TRAIN),
        "hours": {kind: round(value / 3600, 6) for kind, value in sorted(seconds.items())},
        "sources": _counted(index, "source"),
        "licences": _counted(index, "licence"),
        "languages": _counted(index, "language"),
        "members": {name: {"count": counts[name], "bytes": sizes[name]} for name in sorted(sizes)},
        "shards": {
            f"{name}.tar": {"samples": int(f["samples"]), "bytes": int(f["bytes"]), "sha256": f["sha256"]}
            for name, f in facts.items()
        },
        "columns": index.column_names,
    }


def members(index: pa.Table) -> dict[str, list[str]]:
    """The names of all members that the samples of each kind have."""
    found = {}
    for kind in sorted(index["kind"].unique().to_pylist()):
        lists = index.filter(pc.equal(index["kind"], kind))["members"].combine_chunks()
        found[kind] = sorted(lists.flatten().field("name").unique().to_pylist())
    return found


def measured(workspace: Workspace, name: str) -> tuple[str, int]:
    """The SHA-256 of a file, and its size in bytes."""
    with workspace.open(name) as stream:
        return checksum(stream)


def _counted(index: pa.Table, column: str, absent: str = UNKNOWN) -> dict[str, int]:
    """How many samples have each value of a column, the most frequent first."""
    found = Counter(value or absent for value in index[column].to_pylist())
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
