from __future__ import annotations

import csv
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.shard.dataset import FATES, SHARDS
from tests.whole.local import Project
from vidal.cli.export import texts as command
from vidal.engine.build import Build, Options
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.workspace import Workspace
from vidal.harvest.config import HarvestConfig
from vidal.harvest.stage import harvest
from vidal.shard.export import MISSING, export, export_missing
from vidal.terms.config import TermsConfig
from vidal.terms.table import Terms

IDS = 5000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
def build(built):
    """The build of the small dataset, whose captions are its scenes' truth."""
    return Build(built.workspace, built.nodes(SHARDS), Options())


def listed(folder: Path, *sources: dict) -> Build:
    """A workspace of candidates, harvested by the real nodes without media."""
    config = HarvestConfig(sources=sources)
    found = harvest(config, folder, 256)
    nodes = [Terms(TermsConfig(), folder, 0), found.queries, found.search, found.candidates, found.screen]
    build = Build(Workspace(str(folder / "w")), nodes, Options())
    record = RunRecord(build.workspace, new_id(), {}, ["test"])
    try:
        build.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
    finally:
        record.close()
    return build


def release(count: int) -> dict[str, dict]:
    """Entries of the released form; some lack a text or say something twice."""
    rng = random.Random(0)
    told = {}
    for number in range(count):
        entry = {
            "folder": "release",
            "mplug": f"This video describes {number}.",
            "polish_mplug": f"a dog runs {number} times, \"barking\" \\ at 'us'.",
            "ofa": [f" a dog {frame}" for frame in range(8)],
            "sound_mplug": "лай 🐶",
            "raw": f"Dog {number} #shorts  #shorts #Mein-Hund ",
        }
        if number % 7 == 0:
            del entry["sound_mplug"]
        told["".join(rng.choices(LETTERS, k=11))] = entry
    return told


RELEASE = {"type": "vidal-release", "name": "release", "path": "release.json"}


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> Build:
    folder = tmp_path_factory.mktemp("release")
    (folder / "release.json").write_text(json.dumps(release(IDS)))
    return listed(folder, RELEASE)


def test_the_release_survives_a_round_trip(imported, tmp_path):
    assert export(imported, tmp_path / "out.json") == IDS
    assert json.loads((tmp_path / "out.json").read_text("utf-8")) == release(IDS)
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_the_same_texts_are_the_same_bytes_whatever_came_first(imported, tmp_path):
    entries = list(release(IDS).items())
    (tmp_path / "release.json").write_text(json.dumps(dict(entries[: IDS // 2]), ensure_ascii=False))
    listed(tmp_path, RELEASE)
    random.Random(1).shuffle(entries)
    (tmp_path / "release.json").write_text(json.dumps(dict(entries), ensure_ascii=False, indent=1))
    again = listed(tmp_path, RELEASE)
    export(imported, tmp_path / "one.json")
    export(again, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_what_is_no_longer_listed_is_not_exported(tmp_path):
    told = release(20)
    (tmp_path / "release.json").write_text(json.dumps(told))
    listed(tmp_path, RELEASE)
    left = dict(list(told.items())[5:])
    (tmp_path / "release.json").write_text(json.dumps(left))
    assert export(listed(tmp_path, RELEASE), tmp_path / "out.json") == 15
    assert json.loads((tmp_path / "out.json").read_text()) == left


def test_a_source_taken_out_keeps_what_it_has_found(tmp_path):
    (tmp_path / "release.json").write_text(json.dumps(release(20)))
    (tmp_path / "list.csv").write_text("url,title\nhttps://x.example/1,A dog barks\n")
    listed(tmp_path, RELEASE)
    assert export(listed(tmp_path, {"type": "urls", "name": "list", "path": "list.csv"}), tmp_path / "out.json") == 21


def test_one_video_from_two_sources_is_one_id(tmp_path):
    (tmp_path / "release.json").write_text(json.dumps(release(3)))
    first, second = list(release(3))[:2]
    rows = [f"https://youtu.be/{first},From the list", f"https://x.example/{second}.mp4,Another place #x"]
    (tmp_path / "list.csv").write_text("\n".join(["url,title", *rows]))
    build = listed(tmp_path, {"type": "urls", "name": "a-list", "path": "list.csv"}, RELEASE)
    assert export(build, tmp_path / "out.json") == 4
    found = json.loads((tmp_path / "out.json").read_text())
    assert found[first] == {**release(3)[first], "folder": "a-list", "raw": "From the list"}
    [other] = found.keys() - release(3).keys()
    assert other.startswith("a-list_") and found[other] == {"folder": "a-list", "raw": "Another place #x"}


def test_captions_of_several_rows_are_all_kept(tmp_path):
    rows = [f"https://x.example/1,caption {number % 3}" for number in range(1200)]
    (tmp_path / "list.csv").write_text("\n".join(["url,captions", *rows]))
    build = listed(tmp_path, {"type": "urls", "name": "list", "path": "list.csv"})
    [row] = build.store("harvest/candidates").table(["captions", "title"]).to_pylist()
    assert row["captions"] == ["caption 0", "caption 1", "caption 2"] and row["title"] == "caption 0"


def test_captions_that_were_made_are_exported(build, tmp_path):
    count = export(build, tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text())
    assert count == len(found) == build.store("harvest/candidates").table(["status"]).num_rows
    clip = next(entry for id_, entry in found.items() if "clip-0" in id_)
    assert list(clip) == ["folder", "mplug", "polish_mplug", "ofa", "sound_mplug", "raw"]
    assert clip["polish_mplug"] == f"Refined: {clip['mplug']}" and len(clip["ofa"]) == 8
    assert set(next(entry for id_, entry in found.items() if "sound-5" in id_)) == {"folder", "raw"}


def test_a_refined_caption_loses_its_opening(tmp_path):
    """As in the release, whose shards have it and whose annotation file has not."""
    entry = {"folder": "release", "polish_mplug": "In the video, a dog runs.", "raw": "Dog"}
    (tmp_path / "release.json").write_text(json.dumps({"AAAAAAAAAAA": entry}))
    export(listed(tmp_path, RELEASE), tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == {"AAAAAAAAAAA": {**entry, "polish_mplug": "a dog runs."}}


def test_only_what_is_in_the_shards(build, built, tmp_path):
    assert export(build, tmp_path / "some.json", written=True) == len(built.kept)
    index = build.workspace.read_table("shards/index.parquet").column("key").to_pylist()
    assert set(json.loads((tmp_path / "some.json").read_text())) == set(index)


@pytest.mark.parametrize("name", ["missing.csv", "missing.jsonl"])
def test_what_could_not_be_had_is_listed_with_its_reason(build, tmp_path, name):
    counts = export_missing(build, tmp_path / name)
    with (tmp_path / name).open() as stream:
        rows = list(csv.DictReader(stream)) if name.endswith("csv") else [json.loads(line) for line in stream]
    lost = {file: fate[1:] for file, fate in FATES.items() if fate[1].startswith("harvest/")}
    assert {row["url"]: (row["step"], row["reason"]) for row in rows} == lost and len(rows) == len(lost)
    assert counts == Counter((row["step"], row["reason"]) for row in rows)
    assert {row["status"] for row in rows} == {"failed", "rejected"} and list(rows[0]) == MISSING.names
    assert all(row["message"] for row in rows if row["status"] == "failed")


def test_ids_of_the_release_that_were_rejected_are_listed(tmp_path):
    told = {**release(5), "no-text-id1": {"folder": "x", "mplug": "m"}}
    (tmp_path / "release.json").write_text(json.dumps(told))
    export_missing(listed(tmp_path, RELEASE), tmp_path / "missing.csv")
    with (tmp_path / "missing.csv").open() as stream:
        [row] = csv.DictReader(stream)
    assert (row["id"], row["step"], row["reason"]) == ("no-text-id1", "harvest/screen", "title_words")


def test_what_there_is_nothing_of_is_said(tmp_path, build):
    empty = Build(Workspace(str(tmp_path / "w")), build.nodes, Options())
    for work in (lambda: export(empty, tmp_path / "x.json"), lambda: export_missing(empty, tmp_path / "x.csv")):
        with pytest.raises(MissingError, match=r"no candidates in .*vidal build --stage terms --stage harvest"):
            work()
    with pytest.raises(ConfigError, match=r"x\.txt: the name tells no format"):
        export_missing(build, tmp_path / "x.txt")
    assert [path.name for path in tmp_path.glob("*x*")] == []


def test_the_command(tmp_path):
    (tmp_path / "release.json").write_text(json.dumps({**release(6), "no-text-id1": {"mplug": "m"}}))
    project = Project(tmp_path)
    project.configure(harvest={"sources": [RELEASE]})
    none = project.vidal("export", "--annotations", "out.json")
    assert none.returncode == 2 and "run `vidal build" in none.stderr and not (tmp_path / "out.json").exists()
    listed(tmp_path, RELEASE)
    done = project.vidal("export", "--annotations", "out.json", "--missing", "gone.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "out.json: the texts of 7 ids", "gone.csv: 1 samples", "  harvest/screen  title_words: 1",
    ]  # fmt: skip
    assert len(json.loads((tmp_path / "out.json").read_text())) == 7


def test_the_command_in_json_and_what_it_needs(tmp_path, capsys):
    (tmp_path / "release.json").write_text(json.dumps(release(6)))
    project = Project(tmp_path)
    project.configure(harvest={"sources": [RELEASE]})
    file, place = tmp_path / "vidal.yaml", [f"workspace={tmp_path / 'w'}"]
    with pytest.raises(ConfigError, match="name a file with --annotations or --missing"):
        command(file)
    listed(tmp_path, RELEASE)
    command(file, annotations=tmp_path / "out.json", assignments=place, json_output=True)
    assert json.loads(capsys.readouterr().out) == {"annotations": 6, "missing": None}
    command(file, missing=tmp_path / "gone.jsonl", assignments=place, json_output=True)
    assert json.loads(capsys.readouterr().out) == {"annotations": None, "missing": []}
    with pytest.raises(MissingError, match=r"there are no shards in .*; run `vidal build` first"):
        command(file, annotations=tmp_path / "x.json", written=True, assignments=place)
