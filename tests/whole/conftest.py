"""Whole builds through the command, on the demo world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.whole.support import Demo
from vidal.demo.clips import build_world
from vidal.demo.sites import Sites


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("world")
    entries = build_world(folder)
    with Sites(folder, entries) as sites:
        yield Demo(entries, sites)


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The same sites with a dozen good clips and a few sounds."""
    folder = tmp_path_factory.mktemp("few")
    entries = build_world(folder)
    good = [entry for entry in entries if entry.trouble is None]
    chosen = [e for e in good if e.kind == "video"][:12] + [e for e in good if e.kind == "audio"][:4]
    with Sites(folder, chosen) as sites:
        yield Demo(chosen, sites)
