"""The table that rules look at, joined from rows committed by hand."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from vidal.engine.commits import Piece, Store
from vidal.engine.errors import SampleError
from vidal.engine.nodes import Context, fingerprint_of
from vidal.engine.step import Sample, Step
from vidal.engine.workspace import Workspace
from vidal.filter.config import RuleConfig
from vidal.filter.scores import Scores, judged
from vidal.filter.tables import DUPLICATES, SCORES, VERDICTS
from vidal.filter.verdicts import FilterVerdicts
from vidal.harvest.config import HarvestConfig
from vidal.harvest.sources.local import LocalConfig
from vidal.harvest.stage import harvest


class Loud(Step):
    name = "filter/loud"
    columns = {"loud": pa.float32(), "vector": pa.list_(pa.float16())}
    unpublished = ("vector",)

    def settings(self):
        return {}


class Seen(Step):
    name = "filter/seen"
    kinds = frozenset({"video"})
    columns = {"seen": pa.float32()}

    def settings(self):
        return {}


class World:
    """A workspace in which rows are committed for steps, and the tables run over them."""

    def __init__(self, folder: Path) -> None:
        found = harvest(HarvestConfig(sources=(LocalConfig(type="local", name="c", path="."),)), folder, 4)
        self.scores = Scores(found.media, found.admit, (Loud(), Seen()))
        self.spines = {"harvest/candidates", "harvest/screen", "harvest/admit"}
        self.nodes = {node.name: node for node in (*found.nodes, Loud(), Seen(), self.scores)}
        self.workspace = Workspace(str(folder / "w"))
        fingerprints = {n: fingerprint_of(node) for n, node in self.nodes.items()} | {"filter/duplicates": "0" * 12}
        self.context = Context(self.workspace, fingerprints, None)
        self.written = defaultdict(int)

    def commit(self, step, part, *results):
        node = self.nodes[step]
        store = Store(self.workspace, step, self.context.fingerprints[step])
        piece = Piece(part, self.written[step, part], store.fingerprint)
        self.written[step, part] += 1
        store.write(piece, results, {result.id: "given" for result in results}, node.columns)

    def add(self, part, id_, kind="video", loud=0.5, seen=0.5, **media):
        """A sample that went through every step. A score that is an error failed, one that is `...` is not there."""
        sample = Sample(id_, kind)
        self.commit("harvest/candidates", part, sample.ok({"source": "c"}))
        self.commit("harvest/screen", part, sample.ok())
        self.commit("harvest/media", part, sample.ok({"seconds": 2.0, "width": 256, **media}))
        self.commit("harvest/admit", part, sample.ok())
        for step, name, value in (("filter/loud", "loud", loud), ("filter/seen", "seen", seen)):
            if isinstance(value, Exception):
                self.commit(step, part, sample.failed(value))
            elif value is not ...:
                self.commit(step, part, sample.ok({name: value}))

    def rows(self):
        summary = self.scores.run(self.context)
        return summary, {row["id"]: row for row in self.workspace.read_table(SCORES).to_pylist()}

    def duplicates(self, of, state="first"):
        """Write the table of duplicates: the samples in `of` are those of others."""
        table = self.workspace.read_table(SCORES, ["id", "part"])
        names = ("duplicate_of", "near_duplicate_of", "semantic_duplicate_of", "leaks_into")
        for name in names:
            found = [of.get(id_) if name == "near_duplicate_of" else None for id_ in table["id"].to_pylist()]
            table = table.append_column(name, pa.array(found, pa.string()))
        self.workspace.write_table(DUPLICATES, table, {"state": state})


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_every_sample_has_its_facts_and_its_scores(world):
    world.add(0, "b", loud=0.25, seen=0.75)
    world.add(0, "a", kind="audio", seen=...)
    world.add(7, "c", seen=None, source_sha256="x")
    summary, rows = world.rows()
    assert (summary.wanted, summary.already, summary.done) == (3, 0, 3)
    assert [(row["id"], row["part"]) for row in rows.values()] == [("a", 0), ("b", 0), ("c", 7)]
    assert {id_: (row["kind"], row["loud"], row["seen"], row["failed"]) for id_, row in rows.items()} == {
        "a": ("audio", 0.5, None, []),
        "b": ("video", 0.25, 0.75, []),
        "c": ("video", 0.5, None, []),
    }
    assert (rows["c"]["source"], rows["c"]["source_sha256"], rows["c"]["width"]) == ("c", "x", 256)
    assert world.workspace.read_table(SCORES).schema.equals(world.scores.schema)
    assert "vector" not in world.scores.schema.names


def test_a_failed_score_is_null_and_named(world):
    world.add(0, "a", loud=SampleError("Broken", "it is"), seen=SampleError("Broken", "it is"))
    world.add(0, "b", seen=SampleError("Broken", "it is"))
    _, rows = world.rows()
    assert rows["a"]["failed"] == ["filter/loud", "filter/seen"] and rows["b"]["failed"] == ["filter/seen"]
    assert (rows["a"]["loud"], rows["b"]["loud"], rows["b"]["seen"]) == (None, 0.5, None)


@pytest.mark.parametrize("step", ["harvest/candidates", "harvest/screen", "harvest/media", "harvest/admit"])
def test_only_what_stands_in_all_of_the_harvest_gets_a_verdict(world, step):
    for id_ in "abc":
        world.add(0, id_)
    world.commit(step, 0, Sample("a", "video").rejected("withdrawn"))
    world.commit(step, 0, Sample("b", "video").failed(SampleError("Gone", "it is")))
    assert list(world.rows()[1]) == ["c"]


def test_the_latest_row_counts(world):
    world.add(0, "a", loud=0.1)
    world.commit("filter/loud", 0, Sample("a", "video").ok({"loud": 0.9}))
    assert world.rows()[1]["a"]["loud"] == pytest.approx(0.9)


def test_the_table_is_joined_again_only_when_a_piece_is_new(world):
    world.add(0, "a")
    world.rows()
    before = world.workspace.fs.modified(world.workspace.path(SCORES))
    assert world.rows()[0].done == 0 and world.workspace.fs.modified(world.workspace.path(SCORES)) == before
    world.add(1, "b")
    summary, rows = world.rows()
    assert summary.done == 2 and list(rows) == ["a", "b"]


def test_nothing_harvested_is_an_empty_table(world):
    summary, rows = world.rows()
    assert (summary.wanted, rows) == (0, {}) and world.workspace.read_table(SCORES).schema.equals(world.scores.schema)


def test_many_parts_lie_in_order(world, monkeypatch):
    monkeypatch.setattr("vidal.filter.scores.PARTS_AT_ONCE", 2)
    for part in (3, 1, 4, 0, 2):
        world.add(part, f"s{part}", loud=part)
    assert [row["loud"] for row in world.rows()[1].values()] == [0, 1, 2, 3, 4]


def test_rules_see_scores_and_duplicates(world):
    for number, id_ in enumerate("abcd"):
        world.add(0, id_, loud=number / 10)
    world.rows()
    world.duplicates({"b": "a"})
    table = judged(world.workspace)
    assert table["near_duplicate"].to_pylist() == [False, True, False, False]
    assert not any(table["duplicate"].to_pylist() + table["leaks"].to_pylist())
    assert set(world.scores.types) <= set(table.column_names)
    rules = (RuleConfig(name="same", where="near_duplicate"), RuleConfig(name="loud", where="loud > 0.25"))
    node = FilterVerdicts(rules, world.scores)
    summary = node.run(world.context)
    assert (summary.done, summary.rejected, summary.notes) == (4, {"same": 1, "loud": 1}, ())
    assert node.kept(world.workspace) == {0: {"a", "c"}}
    assert node.run(world.context).done == 0
    again = FilterVerdicts(rules[1:], world.scores)
    assert again.run(world.context).rejected == {"loud": 1}
    world.duplicates({}, state="second")
    assert again.run(world.context).done == 4


def test_flags_are_kept_with_the_verdict(world):
    world.add(0, "a", loud=0.9)
    world.add(0, "b", loud=0.1)
    world.rows()
    world.duplicates({})
    node = FilterVerdicts((RuleConfig(name="loud", where="loud > 0.25", action="flag"),), world.scores)
    assert node.run(world.context).rejected == {}
    assert node.flagged(world.workspace) == {"a": ("loud",)} and node.kept(world.workspace) == {0: {"a", "b"}}


def test_it_is_said_where_samples_without_a_score_are_kept(world):
    world.add(0, "a", loud=SampleError("Broken", "it is"))
    world.add(0, "b")
    world.rows()
    world.duplicates({})
    passing = RuleConfig(name="quiet", where="loud < 0.1")
    (line,) = FilterVerdicts((passing,), world.scores).run(world.context).notes
    assert line.startswith("1 sample is kept although a score failed for it (filter/loud)")
    strict = FilterVerdicts((RuleConfig(name="quiet", where="loud < 0.1", missing="drop"),), world.scores)
    summary = strict.run(world.context)
    assert summary.notes == () and summary.rejected == {"quiet": 1}
    (row,) = [row for row in world.workspace.read_table(VERDICTS).to_pylist() if not row["kept"]]
    assert (row["id"], row["rule"], row["failed"]) == ("a", "quiet", ["filter/loud"])
