"""The table over rows committed by hand, part by part."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.filter.duplicates.conftest import FACTS, TYPES
from vidal.engine.commits import Piece, Store
from vidal.engine.errors import ConfigError, MissingError, SampleError
from vidal.engine.nodes import Context, fingerprint_of
from vidal.engine.step import Sample, Step
from vidal.engine.workspace import Workspace
from vidal.filter.duplicates.config import DuplicatesConfig, EvaluationConfig, SemanticConfig
from vidal.filter.duplicates.table import Duplicates
from vidal.filter.embeddings import EMBEDDING
from vidal.filter.hashes import BITS, FrameHashes
from vidal.filter.tables import DUPLICATES, SCORES

NAMES = ("duplicate_of", "near_duplicate_of", "semantic_duplicate_of", "leaks_into")


class Given(Step):
    """A step of which only the name and the columns matter."""

    def __init__(self, name, **columns):
        self.name, self.columns = name, columns

    def settings(self):
        return {}


SCREEN = Given("harvest/screen", title=pa.string())
CLIP = Given("filter/clip", clip_embedding=EMBEDDING)
CLAP = Given("filter/clap", clap_embedding=EMBEDDING)
HASHES = FrameHashes()
STEPS = {step.name: step for step in (SCREEN, CLIP, CLAP, HASHES)}
ALL = DuplicatesConfig(semantic=SemanticConfig(clip=0.95, clap=0.95))


def pictures(seed, lost=0.0):
    """The hashes of eight keyframes, of which a share of the bits is lost."""
    rng = np.random.default_rng(seed)
    hashes = rng.random((8, BITS)) < 300 / BITS
    return [row.tobytes() for row in np.packbits(hashes & (rng.random((8, BITS)) >= lost), axis=1)]


def vector(seed, width=8):
    found = np.random.default_rng(seed).standard_normal(width)
    return (found / np.linalg.norm(found)).astype(np.float16)


class World:
    """A workspace in which samples are committed, and the table run over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace(str(folder / "w"))
        self.written = defaultdict(int)
        self.scores = []

    def add(self, part, id_, hashes=None, clip=None, clap=None, title="", **facts):
        """A sample with what its steps gave; an error has failed, None is absent."""
        facts = {**FACTS, "id": id_, "part": part, **facts}
        self.scores.append(facts)
        columns = {"harvest/screen": title, "filter/hashes": hashes, "filter/clip": clip, "filter/clap": clap}
        for name, value in columns.items():
            if value is not None:
                self.commit(name, part, Sample(id_, facts["kind"]), value)

    def commit(self, name, part, sample, value, rule=None):
        step = STEPS[name]
        store = Store(self.workspace, name, fingerprint_of(step))
        piece = Piece(part, self.written[name, part], store.fingerprint)
        self.written[name, part] += 1
        columns = {next(iter(step.columns)): value}
        result = sample.rejected(rule, columns) if rule else sample.ok(columns)
        if isinstance(value, Exception):
            result = sample.failed(value)
        store.write(piece, [result], {sample.id: "given"}, step.columns)

    def table(self, config=ALL, hashes=HASHES, clip=CLIP, clap=CLAP):
        return Duplicates(config, self.folder, hashes, clip, clap)

    def run(self, config=ALL, state="first"):
        """The summary, and of each sample that has any what it is a duplicate of."""
        told = sorted(self.scores, key=lambda one: (one["part"], one["id"]))
        self.workspace.write_table(SCORES, pa.Table.from_pylist(told, TYPES), {"state": state})
        fingerprints = {name: fingerprint_of(step) for name, step in STEPS.items()} | {"filter/scores": "0" * 12}
        summary = self.table(config).run(Context(self.workspace, fingerprints, None))
        rows = self.workspace.read_table(DUPLICATES).to_pylist()
        assert [(row["part"], row["id"]) for row in rows] == [(one["part"], one["id"]) for one in told]
        found = {row["id"]: {name: row[name] for name in NAMES if row[name]} for row in rows}
        return summary, {id_: of for id_, of in found.items() if of}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_each_kind_of_duplicate_has_its_column(world):
    world.add(3, "a", pictures(1), vector(1), source_sha256="x")
    world.add(0, "b", pictures(1), vector(1), source_sha256="x")
    world.add(0, "c", pictures(1, lost=0.1), vector(2), source_width=512)
    world.add(1, "d", pictures(2), vector(2), source_sha256="y")
    world.add(1, "e", pictures(3), vector(3))
    summary, found = world.run()
    assert found == {
        "a": {"near_duplicate_of": "c"},
        "b": {"duplicate_of": "a", "near_duplicate_of": "c", "semantic_duplicate_of": "a"},
        "d": {"semantic_duplicate_of": "c"},
    }
    assert (summary.wanted, summary.already, summary.done) == (5, 0, 5)
    expected = "of 5 samples 1 the same bytes as another, 2 the same pictures, 2 the same content"
    assert summary.notes == (expected,)
    schema = world.workspace.read_table(DUPLICATES).schema
    assert schema.names == ["id", "part", *NAMES]
    assert [schema.field(name).type for name in ("part", *NAMES)] == [pa.int64(), *[pa.string()] * 4]


def test_parts_and_pieces_change_nothing(tmp_path):
    told = []
    for number, parts in enumerate(([0] * 18, [18 - n for n in range(18)], [n % 3 for n in range(18)])):
        world = World(tmp_path / str(number))
        for at, part in enumerate(parts):
            at = (at * 7) % 18
            world.add(part, f"s{at:02d}", pictures(at % 7, lost=at / 200), vector(at % 5), source_sha256=str(at % 9))
        told.append(world.run()[1])
    assert told[0] == told[1] == told[2] and len(told[0]) == 13


def test_kinds_are_not_mixed(world):
    world.add(0, "a", pictures(1), vector(1), vector(1), source_sha256="x")
    world.add(0, "b", None, None, vector(1), kind="audio", source_sha256="x", source_width=None, source_height=None)
    world.add(0, "c", None, None, vector(1), kind="audio", source_width=None, source_height=None)
    world.add(0, "d", pictures(2), vector(2), vector(1))
    assert world.run()[1] == {"c": {"semantic_duplicate_of": "b"}}


def test_what_failed_or_is_not_there_is_not_compared(world):
    world.add(0, "a", pictures(1), vector(1))
    world.add(0, "b", SampleError("Broken", "it is"), SampleError("Broken", "it is"))
    world.add(0, "c")
    world.add(0, "d", pictures(1), vector(1), seconds=None)
    assert world.run()[1] == {"d": {"near_duplicate_of": "a", "semantic_duplicate_of": "a"}}


def test_what_was_rejected_or_gets_no_verdict_is_not_compared(world):
    (world.folder / "titles.txt").write_text("a cat\n")
    world.add(0, "a", pictures(1), vector(1))
    world.add(0, "b", title="a cat")
    for name, value in (("filter/hashes", pictures(1)), ("filter/clip", vector(1)), ("harvest/screen", "a cat")):
        world.commit(name, 0, Sample("b", "video"), value, rule="no")
    world.add(1, "gone", pictures(1), vector(1), title="a cat", source_width=900)
    world.scores.pop()
    world.add(2, "z")
    against = (EvaluationConfig(name="told", titles="titles.txt"),)
    assert world.run(DuplicatesConfig(semantic=SemanticConfig(clip=0.95), against=against))[1] == {}


def test_the_latest_row_counts(world):
    world.add(0, "a", pictures(1), vector(1))
    world.add(0, "b", pictures(1), vector(1))
    world.commit("filter/hashes", 0, Sample("b", "video"), pictures(2))
    world.commit("filter/clip", 0, Sample("b", "video"), SampleError("Broken", "it is"))
    assert world.run()[1] == {}


def test_samples_of_test_sets_are_told(world):
    (world.folder / "titles.txt").write_text("A cat, on a mat.\n")
    rows = pa.array([vector(5).astype(np.float32).tolist()], pa.list_(pa.float32()))
    pq.write_table(pa.table({"embedding": rows}), world.folder / "e.parquet")
    world.add(0, "a", clip=vector(1), title="a cat on a mat")
    world.add(0, "b", clip=vector(5), title="a CAT on a mat!")
    world.add(1, "c", clip=vector(5), clap=vector(6))
    world.add(1, "d", clap=vector(5), kind="audio", title="a cat")
    sets = (
        EvaluationConfig(name="seen", embeddings="e.parquet"),
        EvaluationConfig(name="told", titles="titles.txt"),
        EvaluationConfig(name="heard", embeddings="e.parquet", over="clap"),
    )
    _, found = world.run(DuplicatesConfig(against=sets))
    expected = {"a": "told", "b": "seen", "c": "seen", "d": "heard"}
    assert found == {id_: {"leaks_into": name} for id_, name in expected.items()}


def test_it_is_done_again_only_when_something_it_depends_on_changed(world):
    (world.folder / "titles.txt").write_text("a dog\n")
    config = DuplicatesConfig(against=(EvaluationConfig(name="told", titles="titles.txt"),))
    world.add(0, "a", pictures(1), title="a cat")
    assert world.run(config)[0].done == 1
    again, _ = world.run(config)
    assert (again.wanted, again.already, again.done, again.notes) == (1, 1, 0, ())
    assert world.run(config, state="second")[0].done == 1
    world.commit("filter/hashes", 0, Sample("a", "video"), pictures(2))
    assert world.run(config, state="second")[0].done == 1
    (world.folder / "titles.txt").write_text("a cat\n")
    assert world.run(config, state="second")[1] == {"a": {"leaks_into": "told"}}
    assert world.run(config, state="second")[0].done == 0
    assert world.run(DuplicatesConfig(), state="second")[0].done == 1


def test_no_samples_are_an_empty_table(world):
    summary, found = world.run()
    assert (summary.wanted, found) == (0, {})
    assert world.workspace.read_table(DUPLICATES).schema.names == ["id", "part", *NAMES]


def test_only_what_is_compared_is_read(world):
    (world.folder / "titles.txt").write_text("a dog\n")
    assert world.table(DuplicatesConfig()).reads == ("filter/scores", "filter/hashes")
    assert world.table(DuplicatesConfig(perceptual=None)).reads == ("filter/scores",)
    assert world.table(ALL).reads == ("filter/scores", "filter/hashes", "filter/clip", "filter/clap")
    told = DuplicatesConfig(against=(EvaluationConfig(name="told", titles="titles.txt"),))
    assert world.table(told).reads == ("filter/scores", "harvest/screen", "filter/hashes")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (ALL, r"filter\.duplicates\.semantic\.clip compares embeddings of `filter\.clip`; add that section"),
        (
            DuplicatesConfig(against=(EvaluationConfig(name="seen", embeddings="e.parquet", over="clap"),)),
            r"filter\.duplicates\.against seen, embeddings compares embeddings of `filter\.clap`",
        ),
        (
            DuplicatesConfig(against=(EvaluationConfig(name="told", titles="absent.txt"),)),
            r"filter\.duplicates\.against told, titles: absent\.txt: not found",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_before_any_work(world, config, says):
    with pytest.raises(ConfigError, match=says):
        world.table(config, clip=None, clap=None)


def test_embeddings_of_another_width_are_said(world):
    rows = pa.array([[1.0, 2.0]], pa.list_(pa.float32()))
    pq.write_table(pa.table({"embedding": rows}), world.folder / "e.parquet")
    world.add(0, "a", clip=vector(1))
    with pytest.raises(ConfigError, match="embeddings of 2 numbers, and filter/clip makes some of 8"):
        world.run(DuplicatesConfig(against=(EvaluationConfig(name="seen", embeddings="e.parquet"),)))
    world.add(0, "b", clip=vector(1, 9))
    with pytest.raises(MissingError, match="several widths"):
        world.run()


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"semantic": {}}, "give a least cosine"),
        ({"against": [{"name": "a", "titles": "t"}, {"name": "a", "titles": "t"}]}, "two test sets have the name a"),
        ({"perceptual": {"max_distance": 1.0}}, "less than 1"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(section, says):
    with pytest.raises(ValueError, match=says):
        DuplicatesConfig(**section)
