from __future__ import annotations

import pytest

from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.nodes import Context, fingerprint_of
from vidal.engine.workspace import Workspace
from vidal.terms.config import TermsConfig
from vidal.terms.table import OUTPUT, Terms


@pytest.fixture
def world(tmp_path):
    (tmp_path / "labels.txt").write_text("# things\nRed ball\nblue ball\n\nred ball\ndog\n", encoding="utf-8")
    workspace = Workspace(str(tmp_path / "w"))

    def run(**config):
        source = {"name": "things", "kind": "labels", "path": "labels.txt"}
        terms = Terms(TermsConfig(**{"sources": [source], **config}), tmp_path, seed=0)
        return terms, terms.run(Context(workspace, {}, None))

    return tmp_path, workspace, run


def test_a_database_is_written_once(world):
    _, workspace, run = world
    _, summary = run(min_count=1, max_count=1)
    assert (summary.wanted, summary.already, summary.done, summary.rejected) == (3, 0, 2, {"frequency": 1})
    rows = workspace.read_table(OUTPUT).to_pylist()
    assert [(row["term"], row["count"], row["sources"]) for row in rows] == [
        ("blue ball", 1, ["things"]),
        ("dog", 1, ["things"]),
    ]
    before = workspace.fs.modified(workspace.path(OUTPUT))
    assert run(min_count=1, max_count=1)[1].done == 0
    assert workspace.fs.modified(workspace.path(OUTPUT)) == before


def test_a_limit_is_counted_as_balance(world):
    _, workspace, run = world
    assert run(limit=1)[1].rejected == {"balance": 2} and len(workspace.read_table(OUTPUT)) == 1


def test_the_content_of_a_source_decides_the_fingerprint(world):
    folder, _, run = world
    before = fingerprint_of(run()[0])
    (folder / "labels.txt").write_text("Red ball\n", encoding="utf-8")
    terms, summary = run()
    assert fingerprint_of(terms) != before and summary.done == 1


def test_no_source_is_an_empty_database(world):
    _, workspace, run = world
    assert run(sources=[])[1].done == 0 and len(workspace.read_table(OUTPUT)) == 0


def test_a_source_that_is_not_there_is_named(world):
    with pytest.raises(MissingError, match=r"none\.txt: not found"):
        world[2](sources=[{"name": "x", "kind": "labels", "path": "none.txt"}])


def test_a_source_that_is_no_text_is_named(world):
    folder, _, run = world
    (folder / "labels.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigError, match=r"labels\.txt cannot be read as UTF-8"):
        fingerprint_of(run()[0])
