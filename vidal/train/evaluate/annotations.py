"""The rows of annotation files: tables, lines, JSON, and folders that are named by classes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import ConfigError, MissingError

LARGEST = 1 << 30
"""Bytes of the largest annotation file that is read."""


class TableRows(Section):
    """A file of cells: CSV and its like, quoted as RFC 4180 has it; blanks after a delimiter do not count."""

    format: Literal["table"]
    """The format."""
    path: str
    """The file, in the benchmark's folder."""
    delimiter: str = Field(",", min_length=1, max_length=1)
    """What stands between cells."""
    columns: tuple[str, ...] = ()
    """The names of the columns where the file has no header; a first line that holds these very names is passed
    over."""
    comment: str | None = Field(None, min_length=1)
    """How lines at the head of the file begin that are no rows."""


class LineRows(Section):
    """A file of lines, each an `id`, a blank, and a `text`. Lines that begin with `#` are no rows."""

    format: Literal["lines"]
    """The format."""
    path: str
    """The file, in the benchmark's folder."""


class JsonRows(Section):
    """A JSON file: a list of objects, or an object of objects, whose names are the field `key`."""

    format: Literal["json"]
    """The format."""
    path: str
    """The file, in the benchmark's folder."""


class FolderRows(Section):
    """A folder for each class, and files in it: the fields are `class`, `file` and `stem`, the name without its ending.
    Names that begin with a dot do not count."""

    format: Literal["folders"]
    """The format."""
    path: str
    """The folder that holds those of the classes, in the benchmark's folder."""


Rows = Annotated[TableRows | LineRows | JsonRows | FolderRows, Field(discriminator="format")]


@dataclass(frozen=True)
class Row:
    """What an annotation says in one place, which names the file and the line."""

    place: str
    fields: Mapping[str, Any]

    def one(self, name: str) -> str:
        """A field as a text with something in it. ConfigError naming the place where there is none."""
        value = self._value(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{self.place}: {name!r} holds no text but {value!r:.60}")
        return value.strip()

    def several(self, name: str) -> tuple[str, ...]:
        """A field as texts: one, or those of a list."""
        value = self._value(name)
        if not isinstance(value, list):
            return (self.one(name),)
        if not value:
            raise ConfigError(f"{self.place}: {name!r} is an empty list")
        return tuple(Row(f"{self.place}, {name} {n}", {name: text}).one(name) for n, text in enumerate(value, 1))

    def _value(self, name: str) -> Any:
        if name not in self.fields:
            raise ConfigError(f"{self.place}: no field {name!r}, only {', '.join(map(repr, self.fields)):.200}")
        return self.fields[name]


def read(rows: Rows, root: Path) -> Iterator[Row]:
    """The rows of an annotation in order; folders and files by name. ConfigError names the file, the line and what is
    wrong; MissingError the file that is not there."""
    path = root / rows.path
    if isinstance(rows, FolderRows):
        yield from _folders(path)
    elif isinstance(rows, TableRows):
        yield from _table(rows, path)
    elif isinstance(rows, LineRows):
        yield from _lines(path)
    else:
        yield from _json(path)


def text_of(path: Path) -> str:
    """A whole file of UTF-8 text, without a byte-order mark. Errors name the file and the line."""
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path}: more than {LARGEST >> 20:,} MiB; is it the annotation file?")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingError(f"{path} does not exist") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; convert it") from error


def _table(rows: TableRows, path: Path) -> Iterator[Row]:
    text, passed = text_of(path), 0
    while rows.comment and text.startswith(rows.comment):
        text, passed = text.partition("\n")[2], passed + 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=rows.delimiter, skipinitialspace=True, strict=True)
    columns = list(rows.columns)
    try:
        for cells in reader:
            place = f"{path}:{reader.line_num + passed}"
            if not columns:
                columns = [cell.strip() for cell in cells]
            elif cells and len(cells) != len(columns):
                raise ConfigError(f"{place}: {len(cells)} cells, not {len(columns)} ({', '.join(columns)})")
            elif cells and cells != columns:
                yield Row(place, dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise ConfigError(f"{path}:{reader.line_num + passed}: not a table: {error}") from error


def _lines(path: Path) -> Iterator[Row]:
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            name, _, text = line.strip().partition(" ")
            yield Row(f"{path}:{number}", {"id": name, "text": text})


def _json(path: Path) -> Iterator[Row]:
    try:
        found = json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply to be an annotation file") from error
    if isinstance(found, dict):
        entries = [(repr(key), {"key": key, **_object(path, repr(key), value)}) for key, value in found.items()]
    elif isinstance(found, list):
        entries = [(str(number), _object(path, number, value)) for number, value in enumerate(found, 1)]
    else:
        raise ConfigError(f"{path}: neither a list nor an object of annotations")
    yield from (Row(f"{path}: entry {name}", fields) for name, fields in entries)


def _object(path: Path, name: object, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: entry {name} is no object but {value!r:.60}")
    return value


def _folders(path: Path) -> Iterator[Row]:
    for folder in listing(path):
        if folder.is_dir():
            for file in listing(folder):
                yield Row(str(file), {"class": folder.name, "file": file.name, "stem": file.stem})


def listing(path: Path) -> list[Path]:
    """What is in a folder, by name. MissingError where there is no such folder."""
    try:
        return sorted(one for one in path.iterdir() if not one.name.startswith("."))
    except OSError as error:
        raise MissingError(f"{path} is no folder that can be read: {error.strerror}") from error
