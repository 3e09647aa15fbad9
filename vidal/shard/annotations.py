"""The annotation file of VIDAL-10M as it is written: one JSON object, an id on each line, whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


@contextmanager
def annotation_file(path: Path) -> Iterator[Callable[[str, Mapping[str, Any]], None]]:
    """Yields what adds an id and its entry; the file appears when the block ends well."""
    count = 0
    with whole_file(path) as stream:

        def add(id_: str, entry: Mapping[str, Any]) -> None:
            nonlocal count
            written = json.dumps(entry, ensure_ascii=False)
            stream.write(f"{',' if count else ''}\n{json.dumps(id_, ensure_ascii=False)}: {written}")
            count += 1

        stream.write("{")
        yield add
        stream.write("\n}\n")


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears under its name when it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
