"""Columns of all samples, from the parts to temporary files that are mapped into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.commits import Store
from vidal.engine.errors import MissingError
from vidal.engine.step import OK
from vidal.filter.duplicates.population import Population


@dataclass(frozen=True)
class Lists:
    """Lists of values of those rows of a population that have one: of `rows[i]`, `data[starts[i] : starts[i + 1]]`."""

    rows: np.ndarray
    starts: np.ndarray
    data: np.ndarray


def spilt(store: Store, column: str, population: Population, path: Path) -> Lists:
    """A column of lists of numbers or of fixed-width binaries, read part by part into a file at `path`. Samples that
    are not ok or not of the population, and null and empty lists, are left out.

    `data` is [n] of the numbers' type, or uint8 [n, width]. Raises MissingError for a list with nulls in it.
    """
    rows, lengths, shape = [], [], None
    with path.open("wb") as stream:
        for found, lists in _parts(store, column, population):
            values = lists.flatten()
            if values.null_count:
                raise MissingError(
                    f"{store.step}: a list of {column} has gaps; remove its folder to have it made again"
                )
            width = values.type.byte_width if pa.types.is_fixed_size_binary(values.type) else None
            shape = (np.uint8, width) if width else (values.type.to_pandas_dtype(), None)
            size = values.type.byte_width
            stream.write(memoryview(values.buffers()[1])[values.offset * size : (values.offset + len(values)) * size])
            rows.append(found)
            lengths.append(pc.list_value_length(lists).to_numpy())
    starts = np.concatenate([[0], *lengths]).astype(np.int64).cumsum()
    kind, width = shape or (np.uint8, None)
    size = (starts[-1], width) if width else (starts[-1],)
    data = np.memmap(path, kind, "r", shape=size) if starts[-1] else np.zeros(size, kind)
    return Lists(np.concatenate([np.zeros(0, np.int64), *rows]), starts, data)


def _parts(store: Store, column: str, population: Population) -> Iterator[tuple[np.ndarray, pa.ListArray]]:
    for table in store.tables(("status", column)):
        if not len(table):
            continue
        rows = population.rows(table["part"][0].as_py(), table["id"])
        has = pc.greater(pc.fill_null(pc.list_value_length(table[column]), 0), 0)
        wanted = pc.and_(pc.and_(pc.equal(table["status"], OK), has), pa.array(rows >= 0))
        lists = table[column].filter(wanted).combine_chunks()
        if len(lists):
            yield rows[wanted.to_numpy(zero_copy_only=False)], lists
