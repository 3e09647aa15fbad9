"""Where every sample and member of a shard set lies, and their bytes."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.errors import MissingError
from vidal.engine.ranges import RangeError, Ranges, Span
from vidal.engine.schemas import INDEX
from vidal.shard.places import Places
from vidal.shard.read import Member

APART = 1 << 20
"""Bytes between the members of a sample that are worth no request of their own."""


class Index:
    """A row per sample, in the order of the shards and of the samples in them.

    `facts` has the columns of the set's `index.parquet` but `members`, null where an older one lacks them; `places` say
    where the members lie. A shard that it does not speak of adds rows of what its headers tell (key, kind, shard,
    offset, size, members without checksums), and its name to `scanned`. `fs` and `folder` say where the tars lie.
    Threads can share an index.
    """

    def __init__(self, fs: Any, folder: str, facts: pa.Table, places: Places, scanned: tuple[str, ...] = ()) -> None:
        self.fs = fs
        self.folder = folder
        self.facts = facts
        self.places = places
        self.scanned = scanned
        self._ranges = Ranges(fs)

    def __reduce__(self) -> Any:
        return Index, (self.fs, self.folder, self.facts, self.places, self.scanned)

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def keys(self) -> pa.ChunkedArray:
        return self.facts["key"]

    @property
    def table(self) -> pa.Table:
        """The index as it is written, made anew each time it is asked for."""
        return self.facts.append_column(INDEX.field("members"), self.places.column())

    @property
    def shards(self) -> list[str]:
        """The names of the shards that hold a sample."""
        return self._shards[0]

    def path(self, shard: str) -> str:
        return f"{self.folder}/{shard}"

    def shard(self, position: int) -> str:
        """The name of a row's shard."""
        names, codes = self._shards
        return names[codes[position]]

    def position(self, key: str) -> int | None:
        """The first row of a key; None where there is none."""
        value = hash(key)
        hashes, order = self._hashed
        place = bisect_left(hashes, value)
        while place < len(hashes) and hashes[place] == value:
            if self.keys[order[place]].as_py() == key:
                return order[place]
            place += 1
        return None

    def row(self, position: int) -> dict[str, Any]:
        """A row by its number, its members as `Member` by name."""
        [row] = self.facts.slice(position, 1).to_pylist()
        return {**row, "members": self.places.members(position)}

    def read(self, position: int, start: int, size: int) -> bytes:
        """Bytes of a row's shard, as `Ranges.read` gives them."""
        return self._ranges.read(self.path(self.shard(position)), start, size)

    def contents(
        self, position: int, places: Sequence[Member]
    ) -> Iterator[tuple[Member, bytes | RangeError | MissingError]]:
        """The bytes of members of a row, each with its place, or the error: with one request where they lie together
        and the shard holds them all, else each for itself."""
        path = self.path(self.shard(position))
        span = Span.around(path, ((place.offset, place.size) for place in places))
        if span.size <= 2 * sum(place.size for place in places) + APART:
            [found] = self._ranges.each([span])
            if isinstance(found, bytes):
                yield from ((place, span.cut(found, place.offset, place.size)) for place in places)
                return
        yield from zip(places, self._ranges.each([Span(path, p.offset, p.size) for p in places]), strict=True)

    def record(self, position: int) -> dict[str, Any]:
        """The JSON record of a row; empty where it has none, or it is none. Raises as `Ranges.read` does."""
        place = self.places.find(position, "json")
        return _record(self.read(position, place.offset, place.size)) if place else {}

    def records(self, positions: Iterable[int]) -> Iterator[dict[str, Any]]:
        """The JSON records of these rows; empty where there is none to be read."""
        found = [(position, self.places.find(position, "json")) for position in positions]
        spans = [Span(self.path(self.shard(at)), place.offset, place.size) for at, place in found if place]
        read = self._ranges.each(spans)
        for _, place in found:
            data = next(read) if place else b""
            yield _record(data) if isinstance(data, bytes) else {}

    def where(self, positions: Collection[int]) -> Index:
        """The index of these rows alone, in the order given."""
        rows = np.array(positions, np.int64)
        return Index(self.fs, self.folder, self.facts.take(rows), self.places.take(rows), self.scanned)

    @cached_property
    def _shards(self) -> tuple[list[str], memoryview]:
        names = sorted(self.facts["shard"].unique().to_pylist())
        codes = pc.index_in(self.facts["shard"], pa.array(names, pa.string())).to_numpy()
        return names, memoryview(np.ascontiguousarray(codes, np.int32))

    @cached_property
    def _hashed(self) -> tuple[memoryview, memoryview]:
        """The hashes of the keys, ascending, and the rows they are of."""
        each = (hash(key) for chunk in self.keys.chunks for key in chunk.to_pylist())
        hashes = np.fromiter(each, np.int64, len(self))
        order = np.argsort(hashes, kind="stable")
        return memoryview(hashes[order]), memoryview(order)


def _record(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
