"""A table of samples read a column at a time, so that of ten million rows only what is asked for is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BATCH = 1 << 12
"""Rows that are decoded at once of a column of lists."""
BUFFER = 1 << 20
"""Bytes of a column that are fetched at once."""


class Columns:
    """A Parquet file, given as a stream, or a table in memory: a row per sample, whose ids stand in the column `key`.

    Where an id stands in several rows, the first of them is the sample, and `repeated` counts the others.
    """

    def __init__(self, source: Any, key: str) -> None:
        if isinstance(source, pa.Table):
            self._table, self._file = source, None
        else:
            self._table, self._file = None, pq.ParquetFile(source, pre_buffer=False, buffer_size=BUFFER)
        self._key = key
        self.schema: pa.Schema = self._table.schema if self._file is None else self._file.schema_arrow

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def keys(self) -> pa.Array:
        """The ids, large_string [n], each once."""
        keys = self._all(self._key).cast(pa.large_string()).combine_chunks()
        return keys if self._rows is None else keys.take(self._rows)

    @property
    def repeated(self) -> int:
        return 0 if self._rows is None else self._length - len(self._rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column, in the order of `keys`."""
        found = self._all(name)
        return found if self._rows is None else found.take(self._rows)

    def batches(self, name: str) -> Iterator[tuple[pa.Array, np.ndarray]]:
        """A column piece by piece: some values, and the place of each among the keys, -1 for a row that repeats one."""
        start = 0
        for piece in self._pieces([name]):
            yield piece.column(0), self._places[start : start + len(piece)]
            start += len(piece)

    def rows(self, places: Iterable[int]) -> pa.Table:
        """Whole rows by their places among the keys, in the order given."""
        wanted = np.array(list(places), np.int64)
        if self._rows is not None:
            wanted = self._rows[wanted]
        order = np.unique(wanted)
        found = [self.schema.empty_table()]
        for start, piece in self._around(order):
            here = order[(order >= start) & (order < start + len(piece))] - start
            found.append(pa.Table.from_batches([piece]).take(pa.array(here)))
        return pa.concat_tables(found).take(pa.array(np.searchsorted(order, wanted)))

    @property
    def _length(self) -> int:
        return self._file.metadata.num_rows if self._file else len(self._table)

    @cached_property
    def _rows(self) -> np.ndarray | None:
        """The rows in which an id stands first; None where that is all of them."""
        keys = self._all(self._key).cast(pa.large_string()).combine_chunks()
        first = pc.index_in(keys, keys).to_numpy(zero_copy_only=False)
        own = first == np.arange(len(keys))
        return None if own.all() else np.flatnonzero(own)

    @cached_property
    def _places(self) -> np.ndarray:
        """The place of each row among the keys, -1 for one that repeats an id."""
        if self._rows is None:
            return np.arange(self._length)
        places = np.full(self._length, -1)
        places[self._rows] = np.arange(len(self._rows))
        return places

    def _all(self, name: str) -> pa.ChunkedArray:
        return self._table[name] if self._file is None else self._file.read([name], use_threads=False)[name]

    def _around(self, order: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Pieces of all columns and their first rows, among them those with some rows, in ascending order; groups of
        rows in which none of these lies are not read."""
        sizes = [self._length]
        if self._file is not None:
            sizes = [self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)]
        for group, (start, size) in enumerate(zip(np.cumsum([0, *sizes]).tolist(), sizes, strict=False)):
            here = order[(order >= start) & (order < start + size)]
            for piece in self._pieces(self.schema.names, [group]) if len(here) else ():
                yield start, piece
                start += len(piece)
                if start > here[-1]:
                    break

    def _pieces(self, names: list[str], groups: list[int] | None = None) -> Iterator[pa.RecordBatch]:
        if self._file is None:
            return iter(self._table.select(names).to_batches(max_chunksize=BATCH))
        return self._file.iter_batches(BATCH, groups, names, use_threads=False)
