"""Names made of an annotation's fields, and the files they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from vidal.engine.errors import ConfigError
from vidal.train.evaluate.annotations import Row, listing

_FIELD = re.compile(r"\{([^{}:]+)(?::0(\d))?\}")
ANY = ".*"
"""The end of a pattern that leaves the file's ending open."""


def fields(pattern: str) -> set[str]:
    """The fields a pattern names. ValueError where its braces are no fields."""
    if "{" in _FIELD.sub("", pattern) or "}" in _FIELD.sub("", pattern):
        raise ValueError(f"{pattern!r}: fields are written {{name}}, or {{name:06}} for six digits")
    return {found[1] for found in _FIELD.finditer(pattern)}


def fill(pattern: str, row: Row) -> str:
    """A pattern with a row's fields in it: `{name}`, or `{name:06}`, filled up with zeros to six characters.

    ConfigError, naming the row, for a field that is absent or could lead to another folder.
    """
    return _FIELD.sub(lambda found: _safe(row, found[1]).rjust(int(found[2] or 0), "0"), pattern)


class Files:
    """The files under a folder, each folder listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def find(self, name: str) -> Path | None:
        """The file of a name under the root, None where there is none. A name that ends in `.*` stands for a file named
        like what is before that, or like it and one ending. ConfigError where several are meant, MissingError for
        a folder that is absent."""
        path = self._root / name.removesuffix(ANY)
        found = self._in(path.parent).get(path.name, []) if name.endswith(ANY) else self._whole(path)
        if len(found) > 1:
            raise ConfigError(f"{path.parent}: several files for {path.name!r}: {_names(found)}; leave one")
        return found[0] if found else None

    def _whole(self, path: Path) -> list[Path]:
        return [one for one in self._in(path.parent).get(path.name, []) if one.name == path.name]

    def _in(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._listed:
            named: dict[str, list[Path]] = {}
            for one in listing(folder):
                for name in {one.name, one.stem}:
                    named.setdefault(name, []).append(one)
            self._listed[folder] = named
        return self._listed[folder]


def _safe(row: Row, name: str) -> str:
    value = row.one(name)
    if value in (".", "..") or any(mark in value for mark in "/\\\0") or len(value.encode()) > 255:
        raise ConfigError(f"{row.place}: {name!r} is {value!r:.80}, which is no name of a file")
    return value


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(path.name for path in paths)
