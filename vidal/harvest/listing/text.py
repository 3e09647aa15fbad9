"""CSV, TSV and JSON-lines tables. What is wrong in one row is a row that says so; the others are read."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.harvest.listing.content import Content
from vidal.harvest.listing.tables import ROWS, Row, Table
from vidal.harvest.sources import Slice

SLICE_BYTES = 1 << 20
"""Bytes after which a slice ends however few its rows."""
LINE_BYTES = 16 << 20
"""Longest line that is read; a longer one is no row but damage."""


class _Tape:
    """Lines on their way to a parser, with the number of bytes and lines passed, and a hash of them. A byte-order mark
    at the beginning is passed over."""

    def __init__(self, lines: Iterable[bytes], passed: int = 0, line: int = 0) -> None:
        self._lines = iter(lines)
        self.passed, self.line, self.hash = passed, line, hashlib.sha256()

    def __iter__(self) -> _Tape:
        return self

    def __next__(self) -> bytes:
        line = next(self._lines)
        self.passed += len(line)
        self.line += 1
        self.hash.update(line)
        return line.removeprefix(codecs.BOM_UTF8) if self.line == 1 else line


class _TextTable(Table):
    """What the formats of lines share. A slice is named by the bytes it spans and its first line's number."""

    def slices(self) -> Iterator[Slice]:
        tape, columns = self._begun()
        start, line, count = tape.passed, tape.line, 0
        tape.hash = self._hash(columns)
        for _ in self._records(tape, columns):
            count += 1
            if count == ROWS or tape.passed - start >= SLICE_BYTES:
                yield Slice(_name(start, tape.passed, line), tape.hash.hexdigest())
                start, line, count = tape.passed, tape.line, 0
                tape.hash = self._hash(columns)
        if count:
            yield Slice(_name(start, tape.passed, line), tape.hash.hexdigest())

    def rows(self, name: str) -> Iterator[Row]:
        start, stop, line = (int(word) for word in name.split("-"))
        columns = self._begun()[1]
        yield from self._records(_Tape(io.BytesIO(self.content.read(start, stop)), start, line), columns)

    def check(self, *needed: str) -> None:
        tape, columns = self._begun()
        if columns is not None:
            self._has(columns, needed)
        if next(self._records(tape, columns), None) is None:
            raise ConfigError(f"{self.content.path} holds no rows")

    def _begun(self) -> tuple[_Tape, list[str] | None]:
        """The lines after the header, and the columns it names, where the format has one."""
        raise NotImplementedError

    def _records(self, tape: _Tape, columns: list[str] | None) -> Iterator[Row]:
        """The rows in the lines left; when one is given, no line after it has been passed."""
        raise NotImplementedError

    def _place(self, line: int) -> str:
        return f"{self.name}:{line}"

    @staticmethod
    def _hash(columns: list[str] | None) -> Any:
        return hashlib.sha256(json.dumps(columns).encode())


class CsvTable(_TextTable):
    """Rows of cells under a header, quoted as RFC 4180 has it. Empty cells, and those a short row lacks, are none."""

    def __init__(self, content: Content, delimiter: str) -> None:
        super().__init__(content)
        self.delimiter = delimiter

    def _begun(self) -> tuple[_Tape, list[str] | None]:
        tape = _Tape(_lines(self.content))
        try:
            header = next(self._parser(tape), [])
            "".join(header).encode()
        except (csv.Error, UnicodeEncodeError) as error:
            raise ConfigError(f"{self.content.path}:{tape.line}: not a header in UTF-8: {error}") from error
        return tape, [name.strip() for name in header]

    def _parser(self, tape: _Tape) -> Any:
        lines = (line.decode("utf-8", "surrogateescape") for line in tape)
        return csv.reader(lines, delimiter=self.delimiter, strict=True)

    def _records(self, tape: _Tape, columns: list[str] | None) -> Iterator[Row]:
        parser, columns = self._parser(tape), columns or []
        while True:
            place = self._place(tape.line + 1)
            try:
                cells = next(parser)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(place, problem=f"not a row of cells: {error}")
                continue
            if not cells:
                continue
            values = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.strip()}
            if len(cells) > len(columns):
                yield Row(place, values, f"{len(cells)} cells under {len(columns)} columns")
            else:
                yield Row(place, values, _unreadable("".join(cells)))


class JsonLines(_TextTable):
    """An object on each line. Nulls and empty texts are none."""

    def _begun(self) -> tuple[_Tape, list[str] | None]:
        return _Tape(_lines(self.content)), None

    def _records(self, tape: _Tape, columns: list[str] | None) -> Iterator[Row]:
        for line in tape:
            if not line.strip():
                continue
            place = self._place(tape.line)
            try:
                values = json.loads(line.decode("utf-8"))
            except UnicodeDecodeError:
                yield Row(place, problem="not UTF-8 text")
            except (ValueError, RecursionError):
                yield Row(place, problem="not JSON")
            else:
                if isinstance(values, dict):
                    yield Row(place, {name: value for name, value in values.items() if value not in (None, "")})
                else:
                    yield Row(place, problem="not a JSON object")


def _lines(content: Content) -> Iterator[bytes]:
    """The lines of a file with their ends."""
    waiting = b""
    for chunk in content.chunks():
        *whole, waiting = (waiting + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
        if len(waiting) > LINE_BYTES:
            raise ConfigError(f"{content.path}: a line of more than {LINE_BYTES:,} bytes; is it the stated format?")
    if waiting:
        yield waiting


def _name(start: int, stop: int, line: int) -> str:
    return f"{start:014d}-{stop:014d}-{line}"


def _unreadable(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return "not UTF-8 text"
    return None
