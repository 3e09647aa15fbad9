from __future__ import annotations

import json
from dataclasses import replace

from tests.shard.dataset import RULES, SHARDS, Dataset
from vidal.engine.workspace import Workspace
from vidal.harvest.sources.release import ReleaseConfig
from vidal.shard.exchange.release import export_release
from vidal.shard.read import Shards


def contents(built: Dataset) -> dict[str, dict[str, dict[str, bytes]]]:
    shards = Shards(built.workspace.path("shards"))
    return {
        path.rpartition("/")[2]: {sample.key: shards.content(path, sample) for sample in shards.samples(path)}
        for path in shards.paths
    }


def test_a_dataset_made_again_of_its_release_is_the_same(built, shards, tmp_path):
    """The same keys in the same shards, media and texts byte for byte; what was captioned there comes along."""
    assert export_release(shards, tmp_path / "release.jsonl").samples == len(built.kept)
    source = ReleaseConfig(type="release", name="clips", path=str(tmp_path / "release.jsonl"), media=str(built.media))
    again = replace(built, workspace=Workspace(str(tmp_path / "again")), source=source, captioned=False)
    again.build(SHARDS, rules=RULES)
    first, second = contents(built), contents(again)
    assert {name: list(found) for name, found in second.items()} == {name: list(found) for name, found in first.items()}
    for name, found in first.items():
        for key, members in found.items():
            changed = {
                each
                for each in members.keys() | second[name][key].keys()
                if members.get(each) != second[name][key].get(each)
            }
            assert changed <= {"json"}
            one, two = (json.loads(each["json"]) for each in (members, second[name][key]))
            assert {field for field in one if one[field] != two.get(field)} <= {"tokens", "provenance"}


def test_a_release_holds_no_media_and_nothing_that_was_not_asked_for(shards, tmp_path):
    export_release(shards, tmp_path / "release.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "release.jsonl").read_text().splitlines()]
    known = {"id", "kind", "source", "url", "licence", "uploader", "language", "published", "captions"}
    assert all(set(row) <= known | {"seconds", "sha256", "views"} for row in rows)
    assert [row["id"] for row in rows] == [s.key for path in shards.paths for s in shards.samples(path)]
    clip = next(row for row in rows if row["kind"] == "video")
    assert set(clip["views"]) == {"raw", "mplug", "polish_mplug", "sound_mplug", "ofa"} and len(clip["sha256"]) == 64


def test_what_is_not_for_the_public_stays(changed, tmp_path):
    private = {"uploader_id": "u1", "description": "call 555", "terms": [{"term": "x"}], "captions": []}
    export_release(changed({"origin": {"url": "https://x.example/1", "source": "s", **private}}), tmp_path / "r.jsonl")
    [row] = (json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines())
    assert set(row) == {"id", "kind", "source", "url", "seconds", "sha256", "views"}


def test_what_names_no_address_is_left_out(changed, tmp_path):
    done = export_release(changed({"origin": {}}), tmp_path / "release.jsonl")
    assert (done.samples, dict(done.left_out)) == (0, {"no address": 1})
    assert (tmp_path / "release.jsonl").read_text() == ""
