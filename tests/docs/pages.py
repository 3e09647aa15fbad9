"""The project's pages and what stands in their fenced blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.S | re.M)


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of a language on a page."""
    for found, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if found == language:
            yield text


def commands(page: Path) -> Iterator[list[str]]:
    """The `vidal …` commands of a page's bash blocks, as words without `vidal`; what follows a `#` is a comment."""
    for text in blocks(page, "bash"):
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["vidal"]:
                yield words[1:]
