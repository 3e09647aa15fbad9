"""The samples of a shard set by their place in its index, and their members by byte ranges. Nothing is scanned where
there is an index, and no name from an index or a request ever becomes a path."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vidal.engine.errors import ConfigError
from vidal.shard.read import MEMBER_BYTES, ShardError, Shards

COLUMNS = ("key", "kind", "shard", "seconds", "text")


@dataclass(frozen=True)
class Place:
    """Where a member's content lies: the path of its tar, and bytes. `sha256` is empty where no index tells it."""

    path: str
    offset: int
    size: int
    sha256: str


class ShardSet:
    """A shard set, local or at any fsspec URL. `index` holds COLUMNS and the members of every sample."""

    def __init__(self, location: str) -> None:
        self._shards = Shards(location)
        self._paths = {path.rpartition("/")[2]: path for path in self._shards.paths if not self._leads_out(path)}
        if not self._paths:
            raise ConfigError(
                f"{location}: every shard is a link that leads out of the folder; name the folder it is in"
            )
        self.location = location
        self.index = self._read()
        self.indexed = self._has_index()

    def __len__(self) -> int:
        return len(self.index)

    def members(self, row: int) -> dict[str, Place]:
        """The members of a sample that lie in a shard of the set."""
        [found] = self.index.slice(row, 1).select(["shard", "members"]).to_pylist()
        path = self._paths.get(found["shard"])
        if path is None:
            return {}
        sound = (one for one in found["members"] or () if one["offset"] >= 0 and 0 <= one["size"] <= MEMBER_BYTES)
        return {one["name"]: Place(path, one["offset"], one["size"], one["sha256"] or "") for one in sound}

    def read(self, place: Place, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes `start` to `stop` of a member, by one range request. ShardError where the shard ends before."""
        stop = place.size if stop is None else stop
        if start == stop:
            return b""
        content = self._shards.fs.cat_file(place.path, start=place.offset + start, end=place.offset + stop)
        if len(content) != stop - start:
            raise ShardError(f"{place.path.rpartition('/')[2]}: ends before byte {place.offset + stop}")
        return content

    def record(self, row: int) -> dict[str, Any]:
        """The JSON record of a sample; empty where it has none that can be read."""
        place = self.members(row).get("json")
        try:
            found = json.loads(self.read(place)) if place else {}
        except (ValueError, ShardError, OSError):
            return {}
        return found if isinstance(found, dict) else {}

    def _leads_out(self, path: str) -> bool:
        protocol = self._shards.fs.protocol
        if "file" not in (protocol if isinstance(protocol, tuple) else (protocol,)):
            return False
        return os.path.dirname(os.path.realpath(path)) != os.path.realpath(self._shards.folder)

    def _has_index(self) -> bool:
        path = f"{self._shards.folder}/index.parquet"
        return self._shards.fs.exists(path) and not self._leads_out(path)

    def _read(self) -> pa.Table:
        if not self._has_index():
            return pa.Table.from_pylist(list(self._scanned()), SCANNED)
        with self._shards.fs.open(f"{self._shards.folder}/index.parquet", "rb") as stream:
            try:
                table = pq.ParquetFile(stream, pre_buffer=False).read(use_threads=False)
                table = table.select([*COLUMNS, "members", *(n for n in table.column_names if n.startswith("score"))])
            except (pa.ArrowException, KeyError) as error:
                raise ConfigError(f"{self.location}/index.parquet: {error}; remove it to have the tars read") from error
        import pyarrow.compute as pc

        return table.filter(pc.is_in(table["shard"], pa.array(sorted(self._paths), pa.string())))

    def _scanned(self) -> Iterator[dict[str, Any]]:
        """What the headers of the tars tell, up to where one is damaged."""
        for name, path in sorted(self._paths.items()):
            try:
                for sample in self._shards.samples(path):
                    kind = "audio" if "flac" in sample.members and "mp4" not in sample.members else "video"
                    members = [{"name": m.name, "offset": m.offset, "size": m.size} for m in sample.members.values()]
                    yield {"key": sample.key, "kind": kind, "shard": name, "members": members}
            except ShardError:
                continue


SCANNED = pa.schema(
    [
        *((name, pa.float64() if name == "seconds" else pa.string()) for name in COLUMNS),
        (
            "members",
            pa.list_(
                pa.struct(
                    [("name", pa.string()), ("offset", pa.int64()), ("size", pa.int64()), ("sha256", pa.string())]
                )
            ),
        ),
    ]
)
