"""Rows in the order in which samples fill parts, sorted outside of memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

BATCH = 2048
HELD = 24 << 20
"""Bytes of rows that are held in memory before they go to the disk."""
BUCKETS = 256
"""Files in which rows wait by the beginning of their place, to be sorted file by file: places are a hash, so the files
are of about one size, 40 MB where ten million candidates take 10 GB."""


def place(id_: str) -> str:
    """Where a sample comes among all: a hash of its id, so that each run of places is a fair draw."""
    return hashlib.sha256(id_.encode()).hexdigest()


def ordered(schema: pa.Schema, rows: Iterable[pa.RecordBatch], *then: str) -> Iterator[dict[str, Any]]:
    """The rows in order of the place of their `id`, then of the columns named, nulls first. What does not fit into HELD
    bytes goes through temporary files; in memory are then HELD bytes of rows, or one of BUCKETS shares of them."""
    with ExitStack() as stack:
        spilt: _Buckets | None = None
        held: list[pa.RecordBatch] = []
        size = 0
        for batch in rows:
            held.append(batch)
            size += batch.nbytes
            if size > HELD:
                spilt = spilt or stack.enter_context(_Buckets(schema))
                spilt.add(pa.Table.from_batches(held, schema))
                held, size = [], 0
        rest = pa.Table.from_batches(held, schema)
        if spilt is None:
            yield from _sorted(rest, then)
            return
        spilt.add(rest)
        del held, rest
        for bucket in spilt.tables():
            yield from _sorted(bucket, then)


class _Buckets:
    """Rows on the disk, by the first byte of their place."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._stack = ExitStack()

    def __enter__(self) -> _Buckets:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vidal-")))
        self._paths = [folder / f"{number:03d}.arrow" for number in range(BUCKETS)]
        streams = [self._stack.enter_context(pa.OSFile(str(path), "wb")) for path in self._paths]
        self._writers = [self._stack.enter_context(pa.ipc.new_stream(stream, self._schema)) for stream in streams]
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, table: pa.Table) -> None:
        rows: list[list[int]] = [[] for _ in range(BUCKETS)]
        for number, id_ in enumerate(table.column("id").to_pylist()):
            rows[hashlib.sha256(id_.encode()).digest()[0]].append(number)
        grouped, start = _taken(table, [number for numbers in rows for number in numbers]), 0
        for writer, numbers in zip(self._writers, rows, strict=True):
            if numbers:
                writer.write_table(grouped.slice(start, len(numbers)))
                start += len(numbers)

    def tables(self) -> Iterator[pa.Table]:
        """The rows of each bucket, in order of the buckets."""
        for writer in self._writers:
            writer.close()
        for path in self._paths:
            with pa.OSFile(str(path)) as stream:
                table = pa.ipc.open_stream(stream).read_all()
            path.unlink()
            yield table


def _sorted(table: pa.Table, then: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    ids = table.column("id").to_pylist()
    later = ([(value is not None, value) for value in table.column(name).to_pylist()] for name in then)
    keys = list(zip(map(place, ids), ids, *later, strict=True))
    found = _taken(table, sorted(range(len(keys)), key=keys.__getitem__))
    for start in range(0, len(found), BATCH):
        yield from found.slice(start, BATCH).to_pylist()


def _taken(table: pa.Table, rows: list[int]) -> pa.Table:
    """Rows of a table by their numbers; it is made one piece before, else each column would be for each row."""
    return table.combine_chunks().take(pa.array(rows, pa.int64()))


def batches(schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    """Rows as record batches of some thousand."""
    waiting: list[dict[str, Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == BATCH:
            yield pa.RecordBatch.from_pylist(waiting, schema)
            waiting = []
    if waiting:
        yield pa.RecordBatch.from_pylist(waiting, schema)
