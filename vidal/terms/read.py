"""Streaming the raw texts out of a corpus's files: six formats, nothing loaded whole."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from vidal.engine.errors import ConfigError
from vidal.terms.config import Format

SLICE_BYTES = 16 << 20
"""How much of a file of lines one worker reads at a time."""
LINE_BYTES = 1 << 20
"""Longest line that is read; a longer one is no text but damage."""
_LINES = frozenset({"txt", "jsonl"})


@dataclass(frozen=True)
class Slice:
    """The texts of a file, or those of its lines that begin in the bytes from `start` up to `stop` (None: its end)."""

    path: Path
    format: Format
    field: str | None
    start: int = 0
    stop: int | None = None


def slices(path: Path, format_: Format, field: str | None) -> list[Slice]:
    """A file cut into what workers read side by side; only files of plain lines can be cut."""
    size = path.stat().st_size
    if format_ not in _LINES or path.suffix == ".gz" or size <= SLICE_BYTES:
        return [Slice(path, format_, field)]
    starts = range(0, size, SLICE_BYTES)
    return [Slice(path, format_, field, start, start + SLICE_BYTES) for start in starts]


def texts(part: Slice) -> Iterator[str]:
    """The raw texts of a slice, in order. Raises ConfigError naming the file, the place and the fix."""
    path = part.path
    try:
        if part.format == "parquet":
            yield from _parquet(path, part.field or "")
            return
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            if part.format == "txt":
                yield from (line for line in _lines(stream, part) if not line.startswith("#"))
            elif part.format == "jsonl":
                yield from _jsonl(_lines(stream, part), part)
            elif part.format == "json":
                yield from _json(stream, part)
            else:
                yield from _table(stream, part)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error.reason} in {error.object[:40]!r}: not UTF-8 text; convert it") from error
    except (OSError, EOFError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _lines(stream: BinaryIO, part: Slice) -> Iterator[str]:
    """The lines that begin in the slice, those of blanks alone left out."""
    position = part.start
    if part.start:
        stream.seek(part.start - 1)
        position += len(_line(stream, part.path)) - 1
    while (part.stop is None or position < part.stop) and (line := _line(stream, part.path)):
        if position == 0:
            line, position = line.removeprefix(codecs.BOM_UTF8), len(line) - len(line.removeprefix(codecs.BOM_UTF8))
        position += len(line)
        if text := line.decode("utf-8").strip():
            yield text


def _line(stream: BinaryIO, path: Path) -> bytes:
    line = stream.readline(LINE_BYTES + 1)
    if len(line) > LINE_BYTES:
        raise ConfigError(f"{path}: a line of more than {LINE_BYTES:,} bytes; is it the stated format?")
    return line


def _jsonl(lines: Iterator[str], part: Slice) -> Iterator[str]:
    keys = (part.field or "").split(".")
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{part.path}: {line[:60]!r} is no JSON; state its `format`") from error
        found = False
        for text in _at(value, keys):
            found = True
            yield _text(text, part)
        if not found:
            raise ConfigError(f"{part.path}: nothing at {part.field!r} in {line[:60]!r}; correct `field`")


def _at(value: Any, keys: Sequence[str]) -> Iterator[Any]:
    if not keys:
        yield value
    elif keys[0] == "item" and isinstance(value, list):
        for element in value:
            yield from _at(element, keys[1:])
    elif isinstance(value, dict) and keys[0] in value:
        yield from _at(value[keys[0]], keys[1:])


def _json(stream: BinaryIO, part: Slice) -> Iterator[str]:
    import ijson

    found = False
    try:
        for text in ijson.items(stream, part.field or ""):
            found = True
            yield _text(text, part)
    except ijson.JSONError as error:
        raise ConfigError(f"{part.path}: not valid JSON: {str(error).splitlines()[0]}") from error
    if not found:
        raise ConfigError(f"{part.path}: nothing at {part.field!r}; correct `field`, with `item` for a list's elements")


def _table(stream: BinaryIO, part: Slice) -> Iterator[str]:
    field = part.field or ""
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    rows = csv.reader(lines, delimiter="\t" if part.format == "tsv" else ",", strict=True)
    try:
        if field.isdigit():
            column = int(field)
        else:
            names = next(rows, [])
            if field not in names:
                raise ConfigError(f"{part.path} has no column {field!r}, only {', '.join(names)}; correct `field`")
            column = names.index(field)
        for row in rows:
            if row and len(row) <= column:
                raise ConfigError(f"{part.path}:{rows.line_num}: {len(row)} columns, no column {field}")
            if row:
                yield row[column]
    except csv.Error as error:
        raise ConfigError(f"{part.path}:{rows.line_num}: not a {part.format} file: {error}") from error


def _parquet(path: Path, field: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if field not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names)
                raise ConfigError(f"{path} has no column {field!r}, only {names}; correct `field`")
            for batch in file.iter_batches(columns=[field], batch_size=8192, use_threads=False):
                yield from (text for text in batch.column(0).cast(pa.string()).to_pylist() if text)
    except pa.ArrowException as error:
        raise ConfigError(f"{path}: not a readable parquet file of texts: {error}") from error


def _text(value: Any, part: Slice) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{part.path}: {str(value)[:60]!r} at {part.field!r} is no text; correct `field`")
    return value
