"""The index of a shard set: as its file says or, where there is none, as the headers of its tars do."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.schemas import INDEX
from vidal.shard.index import Index
from vidal.shard.places import ROWS, Misplaced, Places, joined, told
from vidal.shard.read import ShardError, Shards, ShardSampleEntry, kind_of

INDEX_FILE = "index.parquet"
NEEDED = ("key", "shard", "members")
NAME = re.compile(r"[^./\\?#%*:\[\]][^/\\?#%*:\[\]]*\.tar")
"""Names of shards in an index: those of files beside it, on every filesystem."""
FACTS = INDEX.remove(INDEX.get_field_index("members"))
Part = tuple[pa.Table, Places]
BUILT_AGAIN = "an index of another make; `vidal build --stage shard` writes it anew, and without it the tars are read"


def load(location: str, guarded: bool = False) -> Index:
    """The index of a folder of shards, of one shard or of a glob, local or at any fsspec URL.

    A folder with an index is not listed and no tar of it is opened; where shards are named, those that the index of
    their folder speaks of are not opened either. `guarded` is for what is shown to others: files that a link leads out
    of the folder are left out, and of a damaged tar that is scanned, what stands behind the damage.

    MissingError where there are no shards or none can be reached, ConfigError for an index that cannot be used, a set
    that `guarded` leaves nothing of, or a filesystem that is not installed, ShardError for a damaged tar that is
    scanned.
    """
    try:
        fs, path = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{location}: {error}; use a folder or the URL of an installed filesystem") from error
    path = path.rstrip("/")
    if not path.endswith(".tar") and not any(letter in path for letter in "*?["):
        kept = _Kept(fs, path, guarded)
        if (known := _indexed(kept)) is not None:
            return _index(kept, [known], ())
    shards = Shards(location)
    named = {path.rpartition("/")[2]: path for path in shards.paths}
    kept = _Kept(fs, shards.folder, guarded, named)
    known = _indexed(kept) or part(INDEX.empty_table())
    told_of = known[0]["shard"].unique().to_pylist()
    scanned = sorted(name for name in named if name not in told_of and kept(name))
    rows = [row for name in scanned for row in _headers(shards, named[name], guarded)]
    return _index(kept, [known, part(pa.Table.from_pylist(rows, schema=INDEX))], tuple(scanned))


def added(index: Index, rows: Sequence[Mapping[str, Any]], scanned: Sequence[str]) -> Index:
    """The index with more rows, of the shards `scanned`."""
    more = part(pa.Table.from_pylist(list(rows), schema=INDEX))
    facts, places = _together([(index.facts, index.places), more])
    return Index(index.fs, index.folder, facts.combine_chunks(), places, (*index.scanned, *scanned))


def scanned_row(sample: ShardSampleEntry) -> dict[str, Any]:
    """A row of the index by a sample's headers: places without checksums."""
    members = sorted(sample.members.values(), key=lambda member: member.offset)
    places = [{"name": m.name, "offset": m.offset, "size": m.size, "sha256": m.sha256} for m in members]
    kind = kind_of(sample.members)
    told = {
        "key": sample.key,
        "kind": kind,
        "shard": sample.shard,
        "offset": sample.start,
        "size": sample.end - sample.start,
    }
    return {**told, "members": places}


class _Kept:
    """Which files of a folder an index may speak of: those `named`, if any are, and, where it is `guarded`, none that a
    link leads out of it. `outside` are such."""

    def __init__(self, fs: Any, folder: str, guarded: bool, named: Collection[str] | None = None) -> None:
        self.fs, self.folder = fs, folder
        self._named = named
        self.local = isinstance(fs, LocalFileSystem)
        self._guarded = guarded and self.local
        self.outside: set[str] = set()

    def __call__(self, name: str) -> bool:
        return (self._named is None or name in self._named) and self.inside(name)

    def inside(self, name: str) -> bool:
        path = os.path.realpath(f"{self.folder}/{name}")
        if self._guarded and os.path.dirname(path) != os.path.realpath(self.folder):
            self.outside.add(name)
        return name not in self.outside


def _headers(shards: Shards, path: str, guarded: bool) -> Iterator[dict[str, Any]]:
    try:
        yield from map(scanned_row, shards.samples(path))
    except ShardError:
        if not guarded:
            raise


def _indexed(kept: _Kept) -> Part | None:
    """The rows that the index beside shards has of those kept; None where there is no index."""
    path = f"{kept.folder}/{INDEX_FILE}"
    if not kept.inside(INDEX_FILE):
        return None
    try:
        stream = pa.OSFile(path) if kept.local else pa.BufferReader(kept.fs.cat_file(path))
    except FileNotFoundError:
        return None
    except Exception as error:
        raise MissingError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    try:
        file = pq.ParquetFile(stream, pre_buffer=False)
        if absent := [name for name in NEEDED if name not in file.schema_arrow.names]:
            raise ValueError(f"no column {absent[0]}")
        if not (members := file.schema_arrow.field("members").type).equals(INDEX.field("members").type):
            raise ValueError(f"members are {members}")
        batches = file.iter_batches(ROWS, use_threads=False)
        return _together([part(_chosen(pa.Table.from_batches([batch]), kept)) for batch in batches])
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())[:200]}; {BUILT_AGAIN}") from error


def _chosen(table: pa.Table, kept: _Kept) -> pa.Table:
    """The rows whose shards are kept. ValueError for a shard whose name could be that of something else."""
    names = table["shard"].unique().to_pylist()
    if strange := [name for name in names if not (name and NAME.fullmatch(name) and name.isprintable())]:
        raise ValueError(f"{strange[0]!r} is no name of a shard")
    return table.filter(pc.is_in(table["shard"], pa.array([name for name in names if kept(name)], pa.string())))


def part(table: pa.Table) -> Part:
    """Rows of an index: what they tell, and where their members lie."""
    if table["key"].null_count:
        raise ValueError("samples without a key")
    table = table.replace_schema_metadata(None).combine_chunks()
    try:
        return table.drop_columns("members"), joined([told(chunk) for chunk in table["members"].chunks])
    except Misplaced as error:
        key, shard = (table[name][error.row].as_py() for name in ("key", "shard"))
        raise ValueError(f"{key} of {shard}: {error}") from error


def _together(parts: Sequence[Part]) -> Part:
    facts = [FACTS.empty_table(), *(facts for facts, _ in parts)]
    return pa.concat_tables(facts, promote_options="permissive"), joined([places for _, places in parts])


def _index(kept: _Kept, parts: Sequence[Part], scanned: tuple[str, ...]) -> Index:
    """The index of rows from wherever, in order."""
    facts, places = _together(parts)
    if kept.outside and not len(facts):
        raise ConfigError(
            f"{kept.folder}: every shard is a link that leads out of the folder; name the folder it is in"
        )
    order = pc.sort_indices(facts, [("shard", "ascending"), ("offset", "ascending")]).to_numpy()
    if (np.diff(order.astype(np.int64)) < 0).any():
        facts, places = facts.take(order), places.take(order)
    facts = facts.combine_chunks()
    pa.default_memory_pool().release_unused()
    return Index(kept.fs, kept.folder, facts, places, scanned)
