"""Parquet tables, row group by row group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.harvest.listing.content import CHUNK, reading
from vidal.harvest.listing.tables import ROWS, Row, Table
from vidal.harvest.sources import Slice


class ParquetTable(Table):
    """A slice is named by its row group, its first row in that and in the file. Its `revision` is that of its group:
    nothing is decoded to list it. To read one decodes its group up to the slice's end, so that small groups read best.
    """

    def check(self, *needed: str) -> None:
        with self._file() as file:
            self._has(file.schema_arrow.names, needed)
            if not file.metadata.num_rows:
                raise ConfigError(f"{self.content.path} holds no rows")

    def slices(self) -> Iterator[Slice]:
        first = 0
        with self._file() as file:
            for number in range(file.metadata.num_row_groups):
                group = file.metadata.row_group(number)
                revision = self._revision(group, str(file.schema_arrow))
                for start in range(0, group.num_rows, ROWS):
                    yield Slice(f"{number:07d}-{start:010d}-{first + start + 1}", revision)
                first += group.num_rows

    def rows(self, name: str) -> Iterator[Row]:
        number, start, line = (int(word) for word in name.split("-"))
        at = 0
        with self._file() as file:
            for batch in file.iter_batches(batch_size=ROWS, row_groups=[number], use_threads=False):
                for place in range(max(start - at, 0), min(start + ROWS - at, len(batch))):
                    yield self._row(batch, place, line + at + place - start)
                at += len(batch)
                if at >= start + ROWS:
                    return

    def _row(self, batch: Any, place: int, line: int) -> Row:
        values = {}
        try:
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if (value := column[place].as_py()) not in (None, ""):
                    values[name] = value
        except UnicodeDecodeError:
            return Row(f"{self.name}:{line}", values, "not UTF-8 text")
        return Row(f"{self.name}:{line}", values)

    def _revision(self, group: Any, schema: str) -> str:
        """A hash of the bytes that a row group's columns take in the file."""
        found = hashlib.sha256(schema.encode())
        for number in range(group.num_columns):
            column = group.column(number)
            first = [place for place in (column.dictionary_page_offset, column.data_page_offset) if place]
            missing = column.total_compressed_size
            for chunk in self.content.chunks(min(first)):
                found.update(chunk[:missing])
                missing -= len(chunk[:missing])
                if not missing:
                    break
        return found.hexdigest()

    @contextmanager
    def _file(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with reading(self.content.path), self.content.fs.open(self.content.path, "rb") as stream:
            try:
                with pq.ParquetFile(stream, buffer_size=CHUNK) as file:
                    yield file
            except pa.ArrowException as error:
                cause = str(error).splitlines()[0]
                raise ConfigError(f"{self.content.path}: not a readable Parquet file: {cause}") from error
