"""Tables of rows in several formats behind one interface: cut into slices in one pass, each of which is read alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.harvest.listing.content import Content
from vidal.harvest.sources import Slice

ROWS = 500
"""Rows of a slice: a query, and what a worker holds of its candidates at once."""


@dataclass(frozen=True)
class Row:
    """One row: where it stands, and its values by column without those that are empty, or what is wrong with it."""

    place: str
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None


class Table:
    """The rows of a file. A slice's `name` says where its rows are, its `revision` is a hash of their bytes and of the
    names of the columns."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.name = PurePosixPath(content.path).name

    def check(self, *needed: str) -> None:
        """Raise ConfigError, naming the file, unless it has these columns and a row. Reads its beginning alone."""
        raise NotImplementedError

    def slices(self) -> Iterator[Slice]:
        """All rows in order, in slices; the names of the slices are in the same order."""
        raise NotImplementedError

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a slice, in order."""
        raise NotImplementedError

    def _has(self, columns: list[str], needed: tuple[str, ...]) -> None:
        if missing := [name for name in needed if name not in columns]:
            known = ", ".join(columns)[:200]
            raise ConfigError(f"{self.content.path} has no column {missing[0]!r}, only {known}; set `columns`")


def open_table(path: str, base: Path) -> Table:
    """The table in a file, by the suffix of its name. Raises ConfigError where that tells no format."""
    from vidal.harvest.listing.parquet import ParquetTable
    from vidal.harvest.listing.text import CsvTable, JsonLines

    content = Content(path, base)
    stem = content.path[:-3] if content.packed else content.path
    suffix = PurePosixPath(stem).suffix.lower()
    if suffix in (".csv", ".tsv"):
        return CsvTable(content, "\t" if suffix == ".tsv" else ",")
    if suffix in (".jsonl", ".ndjson"):
        return JsonLines(content)
    if suffix == ".parquet" and not content.packed:
        return ParquetTable(content)
    raise ConfigError(
        f"{content.path}: the name tells no format; use .csv, .tsv or .jsonl, each also with .gz, or .parquet"
    )
