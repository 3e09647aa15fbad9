"""Rows in the order in which samples fill parts, sorted outside of memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

MEMORY = "1GB"
"""What the sort may hold before it goes to the disk."""
BATCH = 2048


def place(id_: str) -> str:
    """Where a sample comes among all: a hash of its id, so that each run of places is a fair draw."""
    return hashlib.sha256(id_.encode()).hexdigest()


def ordered(schema: pa.Schema, rows: Iterable[pa.RecordBatch], *then: str) -> Iterator[dict[str, Any]]:
    """The rows in order of the place of their `id`, then of the columns named; about 1 GB of them lie in memory."""
    import duckdb

    met: list[Exception] = []
    reader = pa.RecordBatchReader.from_batches(schema, _noting(rows, met))
    with tempfile.TemporaryDirectory(prefix="vidal-") as folder:
        settings = {"memory_limit": MEMORY, "temp_directory": folder, "threads": 2}
        with duckdb.connect(f"{folder}/order.duckdb", config=settings) as connection:
            connection.register("given", reader)
            order = ", ".join(("sha256(id)", "id", *(f'"{name}"' for name in then)))
            try:
                for batch in connection.sql(f"SELECT * FROM given ORDER BY {order}").to_arrow_reader(BATCH):
                    yield from batch.to_pylist()
            except duckdb.Error as error:
                raise met[0] if met else error from None


def _noting(rows: Iterable[pa.RecordBatch], met: list[Exception]) -> Iterator[pa.RecordBatch]:
    """The rows; what goes wrong in making them is noted, since it would not leave the database as itself."""
    try:
        yield from rows
    except Exception as error:
        met.append(error)
        raise


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
