"""What stands beside the tars of a dataset: index, statistics, sizes, checksums, card and Croissant metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal.engine.schemas import INDEX
from vidal.engine.workspace import Workspace, metadata_of
from vidal.shard.card import card
from vidal.shard.checksum import checksum
from vidal.shard.croissant import croissant
from vidal.shard.record import OWN, SCORE
from vidal.shard.statistics import Statistics, statistics

FOLDER = "shards"
INDEX_FILE = f"{FOLDER}/index.parquet"
STATS_FILE = f"{FOLDER}/stats.json"


class Rows:
    """The rows of the index that records make together, a table a record, each read when it is its turn: what some of
    the records lack is null, and the scores of all are there. `facts` are the metadata of each record."""

    def __init__(self, workspace: Workspace, records: Sequence[str]) -> None:
        self._workspace = workspace
        self._records = records
        found = [workspace.table_schema(record) for record in records]
        self.facts = [metadata_of(schema) for schema in found]
        plain = [schema.remove_metadata() for schema in found]
        schema = pa.unify_schemas([INDEX, *plain], promote_options="permissive")
        scores = sorted(name for name in schema.names if name.startswith(SCORE))
        self.schema = pa.schema([schema.field(name) for name in (*INDEX.names[:-1], *scores, INDEX.names[-1])])

    def __iter__(self) -> Iterator[pa.Table]:
        for record in self._records:
            table = self._workspace.read_table(record).replace_schema_metadata(None)
            table = table.drop_columns([name for name in OWN.names if name in table.column_names])
            whole = pa.concat_tables([self.schema.empty_table(), table], promote_options="permissive")
            yield whole.select(self.schema.names).cast(self.schema)


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
    rows = Rows(workspace, [record for _, record in shards])
    found = statistics(rows)
    stats = found.told({name: facts for (name, _), facts in zip(shards, rows.facts, strict=True)}, rows.schema.names)
    if workspace.exists(STATS_FILE) and workspace.read_json(STATS_FILE) == stats:
        return
    workspace.remove(STATS_FILE)
    lay_beside(workspace, f"{FOLDER}/", prefix, rows.schema, rows, stats, found)


def lay_beside(
    place: Workspace,
    folder: str,
    prefix: str,
    schema: pa.Schema,
    rows: Iterable[pa.Table],
    stats: Mapping[str, Any],
    found: Statistics,
) -> None:
    """Write all that stands beside the tars of a dataset, into the folder with this path: empty, or with a slash at
    its end."""
    place.write_tables(f"{folder}index.parquet", schema, rows)
    place.write_json(f"{folder}sizes.json", {name: shard["samples"] for name, shard in stats["shards"].items()})
    place.write_bytes(f"{folder}__len__", str(found.samples).encode())
    sha256, _ = measured(place, f"{folder}index.parquet")
    sums = {**{name: shard["sha256"] for name, shard in stats["shards"].items()}, "index.parquet": sha256}
    place.write_bytes(f"{folder}SHA256SUMS", "".join(f"{sum_}  {name}\n" for name, sum_ in sums.items()).encode())
    place.write_bytes(f"{folder}README.md", card(prefix, stats, found.names()).encode())
    place.write_json(f"{folder}croissant.json", croissant(prefix, stats, schema, sha256))
    place.write_json(f"{folder}stats.json", stats)


def measured(workspace: Workspace, name: str) -> tuple[str, int]:
    """The SHA-256 of a file, and its size in bytes."""
    with workspace.open(name) as stream:
        return checksum(stream)
