"""The demo world on disk and on the wire, once per session."""

from __future__ import annotations

import pytest

from vidal.demo.clips import build_world
from vidal.demo.sites import Sites


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="session")
def entries(folder):
    return build_world(folder, seed=0, good=4, workers=1)


@pytest.fixture
def sites(folder, entries):
    with Sites(folder, entries) as sites:
        yield sites
        assert sites.errors == []


@pytest.fixture
def troubled(entries):
    """The first entry with the named trouble."""
    return lambda trouble, kind="video": next(e for e in entries if e.trouble == trouble and e.kind == kind)
