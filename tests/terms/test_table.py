from __future__ import annotations

import random

import pytest

from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.nodes import Context, fingerprint_of
from vidal.engine.runners.local import LocalRunner
from vidal.engine.workspace import Workspace
from vidal.terms import pool, read, table
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
    with pytest.raises(MissingError, match=r"terms source x is absent \(its labels\): no file at .*none\.txt"):
        world[2](sources=[{"name": "x", "kind": "labels", "path": "none.txt"}])


def test_a_source_that_is_no_text_is_named(world):
    folder, _, run = world
    (folder / "labels.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigError, match=r"labels\.txt: .* not UTF-8 text"):
        fingerprint_of(run()[0])


def test_a_source_without_a_text_is_named(world):
    folder, _, run = world
    (folder / "labels.txt").write_text("# nothing but this\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"things: .*labels\.txt holds no text"):
        run()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"path": "labels.csv"}, "needs `field`"),
        ({"path": "labels.doc"}, "tells no format; set `format`"),
        ({"name": "other"}, "two sources are named other"),
    ],
)
def test_what_is_wrong_in_a_source_is_said(world, change, says):
    folder, _, run = world
    for name in ("labels.csv", "labels.doc"):
        (folder / name).write_text("id,name\n1,cat\n")
    source = {"name": "things", "kind": "labels", "path": "labels.txt", **change}
    with pytest.raises(ConfigError, match=says):
        run(sources=[source, {"name": "other", "kind": "labels", "path": "labels.txt"}])


def test_an_absent_optional_source_is_told_with_its_cost(world):
    things = {"name": "things", "kind": "labels", "path": "labels.txt"}
    lost = {"name": "coco", "kind": "captions", "path": "coco.json", "field": "a.item", "required": False}
    _, summary = world[2](sources=[things, {**lost, "entries": 616767, "origin": "cocodataset.org"}])
    assert summary.done == 3
    assert "coco is absent (616,767 captions)" in summary.notes[0] and "cocodataset.org" in summary.notes[0]


def test_a_manifest_declares_sources(world):
    folder, workspace, run = world
    (folder / "corpora").mkdir()
    (folder / "corpora" / "clips.tsv").write_text("1\tA dog runs over the hill\n2\tEin Hund läuft über den Hügel\n")
    (folder / "m.yaml").write_text(
        "sources: [{name: clips, kind: captions, path: '*.tsv', field: '1', modality: video}]", encoding="utf-8"
    )
    _, summary = run(manifests=["m.yaml"])
    assert summary.rejected == {"language": 1}
    [row] = [row for row in workspace.read_table(OUTPUT).to_pylist() if row["sources"] == ["clips"]]
    assert (row["term"], row["modality"], row["language"]) == ("a dog runs over the hill", "video", "en")
    assert row["keywords"] == ["dog", "run", "hill"]


def test_excluded_texts_become_no_terms(world):
    folder, workspace, run = world
    (folder / "test-set.jsonl").write_text('{"caption": "RED  ball."}\n')
    _, summary = run(exclude=[{"name": "test-set", "path": "test-set.jsonl", "field": "caption"}])
    assert summary.rejected == {"excluded": 1}
    assert workspace.read_table(OUTPUT)["term"].to_pylist() == ["blue ball", "dog"]
    with pytest.raises(ConfigError, match=r"terms\.exclude: no file at gone\.txt"):
        run(exclude=[{"name": "gone", "path": "gone.txt"}])


def test_rare_and_common_keywords_can_be_left_out(world):
    folder, workspace, run = world
    (folder / "labels.txt").write_text("dog\ndog barking\nrain falling\ndog\n")
    assert run(min_keyword_count=2)[1].rejected == {"no_keyword": 1}
    rows = {row["term"]: row["keywords"] for row in workspace.read_table(OUTPUT).to_pylist()}
    assert rows == {"dog": ["dog"], "dog barking": ["dog"]}
    assert run(max_keyword_count=2)[1].rejected == {"no_keyword": 1}
    assert workspace.read_table(OUTPUT)["term"].to_pylist() == ["dog barking", "rain falling"]


def test_a_label_that_the_tagger_sees_no_noun_in_is_its_own_keyword(world):
    folder, workspace, run = world
    (folder / "labels.txt").write_text("siren\nbright red\n")
    (folder / "captions.txt").write_text("very bright\n")
    captions = {"name": "told", "kind": "captions", "path": "captions.txt"}
    things = {"name": "things", "kind": "labels", "path": "labels.txt"}
    assert run(sources=[things, captions])[1].rejected == {"no_keyword": 1}
    rows = {row["term"]: row["keywords"] for row in workspace.read_table(OUTPUT).to_pylist()}
    assert rows == {"siren": ["siren"], "bright red": ["bright red"]}


def test_terms_find_their_modality_in_all_their_sources(world):
    folder, workspace, run = world
    (folder / "sounds.txt").write_text("dog\nrain\n")
    sources = [
        {"name": "things", "kind": "labels", "path": "labels.txt", "modality": "video"},
        {"name": "sounds", "kind": "labels", "path": "sounds.txt", "modality": "audio"},
    ]
    run(sources=sources)
    found = {row["term"]: (row["modality"], row["sources"]) for row in workspace.read_table(OUTPUT).to_pylist()}
    assert found["dog"] == ("both", ["sounds", "things"])
    assert found["rain"] == ("audio", ["sounds"]) and found["red ball"] == ("video", ["things"])


def test_another_size_or_seed_chooses_from_the_same_pool(world, monkeypatch):
    run = world[2]
    run()
    monkeypatch.setattr(pool.Finisher, "setup", lambda self: pytest.fail("the pool was made again"))
    assert run(limit=2)[1].done == 2 and run(min_keyword_count=2)[1].done >= 1


def test_an_interrupted_pool_goes_on_with_what_is_missing(captions, monkeypatch):
    whole = captions.build(["all.txt"])
    finished = []
    finish = pool.Finisher.__call__

    def failing(self, work):
        if len(finished) == 2:
            raise KeyboardInterrupt
        finished.append(work.bucket)
        return finish(self, work)

    def finishing(self, work):
        finished.append(work.bucket)
        return finish(self, work)

    captions.fresh()
    monkeypatch.setattr(pool.Finisher, "__call__", failing)
    with pytest.raises(KeyboardInterrupt):
        captions.build(["all.txt"])
    monkeypatch.setattr(pool.Reader, "__call__", lambda self, work: pytest.fail("a slice was read again"))
    monkeypatch.setattr(
        pool.Finisher, "__call__", lambda self, work: (finished.append(work.bucket), finish(self, work))
    )
    assert captions.build(["all.txt"]) == whole
    assert sorted(finished) == sorted(set(finished)) and len(finished) == captions.buckets


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("files", [1, 7, 64])
def test_order_files_and_workers_decide_nothing(captions, files, workers):
    whole = captions.build(["all.txt"])
    captions.fresh()
    names = captions.split(files)
    runner = LocalRunner(workers)
    try:
        assert captions.build(names, runner) == whole
    finally:
        runner.close()


class Captions:
    """A corpus of captions with repeated texts, and its database's bytes under small buckets and slices."""

    def __init__(self, folder):
        rng = random.Random(0)
        words = ["dog", "cat", "man", "woman", "ball", "horse", "guitar", "beach", "river", "city", "train", "kite"]
        verbs = ["runs", "sits", "plays", "jumps", "sleeps"]
        texts = [f"a {rng.choice(words)} {rng.choice(verbs)} near the {rng.choice(words)}" for _ in range(1500)]
        self.lines = [*texts, *words, "ein hund läuft über die wiese", "\U0001f525"]
        self.folder, self.buckets = folder, 0
        (folder / "all.txt").write_text("\n".join(self.lines), encoding="utf-8")
        self.fresh()

    def fresh(self):
        self.workspace = Workspace(str(self.folder / f"w{len(list(self.folder.iterdir()))}"))
        self.workspace.write_bytes("made", b"")

    def split(self, files):
        """The lines shuffled and dealt into so many files."""
        shuffled = random.Random(files).sample(self.lines, len(self.lines))
        for number in range(files):
            text = "\n".join(shuffled[number::files])
            (self.folder / f"split-{number:02d}.txt").write_text(text, encoding="utf-8")
        return ["split-*.txt"]

    def build(self, paths, runner=None):
        source = {"name": "all", "kind": "captions", "path": paths[0]}
        terms = Terms(TermsConfig(sources=[source], limit=200), self.folder, seed=3)
        terms.run(Context(self.workspace, {}, runner or LocalRunner(0)))
        self.buckets = self.workspace.read_json("terms/report.json")["buckets"]
        return self.workspace.read_bytes(OUTPUT)


@pytest.fixture
def captions(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "BUCKET_BYTES", 4096)
    monkeypatch.setattr(table, "INLINE_BYTES", 0)
    monkeypatch.setattr(read, "SLICE_BYTES", 9000)
    return Captions(tmp_path)


def test_the_report_adds_up(captions):
    captions.build(["all.txt"])
    report = captions.workspace.read_json("terms/report.json")
    [source] = report["sources"]
    assert source["entries"] == len(captions.lines) and source["refused"] == {"wordless": 1}
    assert report["distinct"] == report["terms"] + sum(report["dropped"].values()) == source["distinct"]
    assert report["dropped"]["language"] == 1 and report["terms"] == source["chosen"] == 200
    keywords = report["keywords"]
    assert keywords["covered"] == keywords["coverable"] == keywords["before"]["keywords"]
    assert keywords["after"]["entropy"] == pytest.approx(keywords["before"]["entropy"], abs=0.05)
    assert sum(keywords["before"]["octaves"]) == keywords["before"]["keywords"]
