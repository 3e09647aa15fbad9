"""Where every sample and member of a shard set lies: as its index says or, where there is none, as its headers do."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from functools import cached_property
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vidal.engine.errors import ConfigError
from vidal.engine.schemas import INDEX
from vidal.shard.read import MEMBER_BYTES, Member, Shards, ShardSampleEntry, kind_of

INDEX_FILE = "index.parquet"
NEEDED = ("key", "shard", "members")
BUILT_AGAIN = "an index of another make; `vidal build --stage shard` writes it anew, and without it the tars are read"


class Index:
    """A row per sample, in the order of the shards and of the samples in them.

    `table` has the columns of the set's `index.parquet`; a shard that it does not speak of adds rows of what its
    headers tell (key, kind, shard, offset, size, members without checksums), and its name to `scanned`. `fs` and
    `folder` say where the tars lie. It takes about 3 KB of memory a sample.
    """

    def __init__(self, fs: Any, folder: str, table: pa.Table, scanned: tuple[str, ...] = ()) -> None:
        self.fs = fs
        self.folder = folder
        self.table = table
        self.scanned = scanned

    def __len__(self) -> int:
        return len(self.table)

    @property
    def keys(self) -> pa.ChunkedArray:
        return self.table["key"]

    @cached_property
    def shards(self) -> list[str]:
        """The names of the shards that hold a sample."""
        return sorted(self.table["shard"].unique().to_pylist())

    def path(self, shard: str) -> str:
        return f"{self.folder}/{shard}"

    def position(self, key: str) -> int | None:
        """The row of a key, found by bisection of the sorted keys; None where there is none."""
        place = bisect_left(self._order, key, key=lambda at: self._keys[at].as_py())
        at = int(self._order[place]) if place < len(self._order) else None
        return at if at is not None and self._keys[at].as_py() == key else None

    def row(self, position: int) -> dict[str, Any]:
        """A row by its number, its members as `Member` by name. ConfigError for places that no tar can have."""
        [row] = self.table.slice(position, 1).to_pylist()
        return {**row, "members": {m["name"]: self._member(row, m) for m in row["members"]}}

    def where(self, positions: Collection[int]) -> Index:
        """The index of these rows alone, in the order given."""
        return Index(self.fs, self.folder, self.table.take(pa.array(positions, pa.int64())), self.scanned)

    @cached_property
    def _keys(self) -> pa.Array:
        return self.keys.combine_chunks()

    @cached_property
    def _order(self) -> Any:
        return pc.sort_indices(self._keys).to_numpy()

    def _member(self, row: dict[str, Any], told: dict[str, Any]) -> Member:
        if not (0 <= told["size"] <= MEMBER_BYTES and told["offset"] >= 0):
            raise ConfigError(
                f"{self.path(INDEX_FILE)}: {told['name']!r} of {row['key']} is said to be {told['size']} bytes at "
                f"{told['offset']} of {row['shard']}; {BUILT_AGAIN}"
            )
        return Member(told["name"], told["offset"], told["size"], told["sha256"])


def load(location: str) -> Index:
    """The index of a folder of shards, of one shard or of a glob, local or at any fsspec URL.

    A folder with an index is not listed and no tar of it is opened; where shards are named, those that the index of
    their folder speaks of are not opened either. MissingError where there are no shards, ConfigError for an index that
    cannot be used or a filesystem that is not installed.
    """
    try:
        fs, path = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{location}: {error}; use a folder or the URL of an installed filesystem") from error
    path = path.rstrip("/")
    folder = not path.endswith(".tar") and not any(letter in path for letter in "*?[")
    if folder and (table := _indexed(fs, path)) is not None:
        return Index(fs, path, _sorted(table))
    shards = Shards(location)
    table = _indexed(fs, shards.folder)
    told = INDEX.empty_table() if table is None else table
    named = {path.rpartition("/")[2]: path for path in shards.paths}
    told = told.filter(pc.is_in(told["shard"], pa.array(sorted(named), pa.string())))
    scanned = sorted(set(named) - set(told["shard"].unique().to_pylist()))
    rows = [scanned_row(sample) for name in scanned for sample in shards.samples(named[name])]
    both = pa.concat_tables([told, pa.Table.from_pylist(rows, schema=INDEX)], promote_options="permissive")
    return Index(fs, shards.folder, _sorted(both), tuple(scanned))


def scanned_row(sample: ShardSampleEntry) -> dict[str, Any]:
    """A row of the index by a sample's headers: places without checksums."""
    members = sorted(sample.members.values(), key=lambda member: member.offset)
    start, end = members[0].offset, members[-1].offset + members[-1].size
    places = [{"name": m.name, "offset": m.offset, "size": m.size, "sha256": m.sha256} for m in members]
    kind = kind_of(sample.members)
    told = {"key": sample.key, "kind": kind, "shard": sample.shard, "offset": start, "size": end - start}
    return {**told, "members": places}


def _indexed(fs: Any, folder: str) -> pa.Table | None:
    """The index beside shards; None where there is none."""
    path = f"{folder}/{INDEX_FILE}"
    try:
        content = pa.BufferReader(fs.cat_file(path))
        table = pq.read_table(content, use_threads=False).replace_schema_metadata(None)
        if absent := [name for name in NEEDED if name not in table.column_names]:
            raise ValueError(f"no column {absent[0]}")
        if not table.schema.field("members").type.equals(INDEX.field("members").type):
            raise ValueError(f"members are {table.schema.field('members').type}")
    except FileNotFoundError:
        return None
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())[:200]}; {BUILT_AGAIN}") from error
    for shard in table["shard"].unique().to_pylist():
        if not shard or "/" in shard or "\\" in shard or shard.startswith("."):
            raise ConfigError(f"{path}: {shard!r} is no name of a shard; {BUILT_AGAIN}")
    return table


def _sorted(table: pa.Table) -> pa.Table:
    by = [(name, "ascending") for name in ("shard", "offset") if name in table.column_names]
    return table.sort_by(by)
