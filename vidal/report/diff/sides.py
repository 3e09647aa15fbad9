"""The two sides of a comparison: a shard set by its index, and a build by its manifests as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import fsspec
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.build import Build
from vidal.engine.config import CREDENTIALS
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.nodes import Context, state
from vidal.engine.runners.local import LocalRunner
from vidal.filter.scores import Scores
from vidal.filter.tables import SCORES
from vidal.report.diff.columns import Columns
from vidal.report.facts.ledger import Ledger, follow
from vidal.shard.access import Sample
from vidal.shard.index import Index
from vidal.shard.load import BUILT_AGAIN, INDEX_FILE, NEEDED, load, part
from vidal.shard.where import SCORE

RECORDS = 10_000
"""Most samples of which the records are read for their scores, where the index of a set has none."""


@dataclass(frozen=True)
class ShardSide:
    """The samples of a shard set: a column of `columns` for each of its index. `scores` has those of the filter by
    their names behind SCORE: the index itself or, where it has none, what the records of RECORDS samples at most tell,
    evenly spread."""

    fs: object
    folder: str
    columns: Columns
    scores: Columns

    def samples(self, places: Sequence[int]) -> list[Sample]:
        """Samples by their places among the keys."""
        index = Index(self.fs, self.folder, *part(self.columns.rows(places)))
        return [Sample(index, position) for position in range(len(index))]


@dataclass(frozen=True)
class Side:
    """One side: `name` as the user gave it, `location` the URL of its shards or workspace. `shards` is None where a
    build has written none yet. `ledger` and `scores`, of all samples that the rules judged, are of builds; `scores` is
    None where there are none of the present samples and settings."""

    name: str
    location: str
    shards: ShardSide | None
    ledger: Ledger | None = None
    scores: Columns | None = None


def shard_side(location: str) -> ShardSide:
    """A folder of shards, a shard or a glob, at any fsspec URL. Of a folder with an index nothing else is read; where
    shards are named, or have no index, as `vidal.open` reads them."""
    try:
        fs, path = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{location}: {error}; use a folder or the URL of an installed filesystem") from error
    path = path.rstrip("/")
    index = f"{path}/{INDEX_FILE}"
    if path.endswith(".tar") or any(letter in path for letter in "*?[") or not fs.exists(index):
        found = load(location)
        columns = Columns(found.table, "key")
        return ShardSide(found.fs, found.folder, columns, _scored(found.fs, found.folder, columns))
    try:
        columns = Columns(fs.open(index, "rb"), "key")
    except pa.ArrowException as error:
        raise ConfigError(f"{index}: {' '.join(str(error).split())[:200]}; {BUILT_AGAIN}") from error
    if absent := [name for name in NEEDED if name not in columns.schema.names]:
        raise ConfigError(f"{index}: no column {absent[0]}; {BUILT_AGAIN}")
    for shard in pc.unique(columns.column("shard")).to_pylist():
        if not shard or "/" in shard or "\\" in shard or shard.startswith("."):
            raise ConfigError(f"{index}: {shard!r} is no name of a shard; {BUILT_AGAIN}")
    return ShardSide(fs, path, columns, _scored(fs, path, columns))


def set_side(location: str) -> Side:
    """A shard set. MissingError where there are no shards."""
    return Side(CREDENTIALS.sub("***@", location), location, shard_side(location))


def build_side(name: str, build: Build) -> Side:
    """A build, as far as it has come. MissingError for a workspace in which nothing was built."""
    workspace = build.workspace
    ledger = follow(build)
    if not len(ledger.ids):
        raise MissingError(f"{name}: nothing was found in {workspace.url} yet; run `vidal build {name}` first")
    location = f"{workspace.url}/shards"
    shards = shard_side(location) if workspace.exists(f"shards/{INDEX_FILE}") else None
    return Side(name, workspace.url, shards, ledger, _judged(build))


def _judged(build: Build) -> Columns | None:
    """The scores of a build, where they are those of its present samples and settings."""
    table = next((node for node in build.nodes if isinstance(node, Scores)), None)
    if table is None or not build.workspace.exists(SCORES):
        return None
    now = state(Context(build.workspace, build.fingerprints, LocalRunner(0)), table)
    if build.workspace.table_metadata(SCORES).get("state") != now:
        return None
    return Columns(build.workspace.fs.open(build.workspace.path(SCORES), "rb"), "id")


def _scored(fs: object, folder: str, columns: Columns) -> Columns:
    if any(name.startswith(SCORE) for name in columns.schema.names) or not len(columns):
        return columns
    step = -(-len(columns) // RECORDS)
    table = columns.rows(range(0, len(columns), step))
    told = Index(fs, folder, *part(table)).records(range(len(table)))
    rows = [{"key": key, **_numbers(record)} for key, record in zip(table["key"].to_pylist(), told, strict=True)]
    names = sorted({name for row in rows for name in row} - {"key"})
    schema = pa.schema([("key", pa.string()), *((name, pa.float64()) for name in names)])
    return Columns(pa.Table.from_pylist(rows, schema), "key")


def _numbers(record: dict) -> dict[str, float]:
    """The scores of a record that are numbers or truths."""
    told = record.get("scores")
    told = told if isinstance(told, dict) else {}
    return {f"{SCORE}{name}": float(value) for name, value in told.items() if isinstance(value, bool | int | float)}
