"""Shards of others as a source of a whole build."""

from __future__ import annotations

import json
from dataclasses import replace

import webdataset

from tests.shard.dataset import RULES, SHARDS
from vidal.engine.workspace import Workspace
from vidal.harvest.sources.shards import ShardsConfig
from vidal.shard.read import Shards


def members(workspace: Workspace) -> dict[str, dict[str, bytes]]:
    """Members by the name of the file that a sample was made of."""
    shards = Shards(workspace.path("shards"))
    contents = [shards.content(path, sample) for path in shards.paths for sample in shards.samples(path)]
    return {json.loads(each["json"])["origin"]["url"].partition("#")[0].rpartition("/")[2]: each for each in contents}


def test_their_shards_give_the_samples_that_their_files_would(built, tmp_path):
    """The files of the dataset in one tar, as webdataset writes it, which is cut off behind them."""
    (tmp_path / "others").mkdir()
    path = tmp_path / "others" / "set.tar"
    with webdataset.TarWriter(str(path)) as writer:
        for file in sorted(built.media.iterdir()):
            if file.suffix != ".json":
                told = json.loads(file.with_suffix(".json").read_text())
                writer.write({"__key__": file.stem, file.suffix[1:]: file.read_bytes(), "json": told})
        writer.write({"__key__": "word-99", "mp4": bytes(100_000), "json": {"title": "cut off"}})
    path.write_bytes(path.read_bytes()[:-50_000])
    source = ShardsConfig(type="shards", name="clips", path=str(tmp_path / "others"))
    again = replace(built, workspace=Workspace(str(tmp_path / "again")), source=source)
    build = again.build(SHARDS, rules=RULES)
    first, second = members(built.workspace), members(again.workspace)
    assert set(second) == set(first) == built.kept
    for name, content in first.items():
        other = second[name]
        assert {each for each in {*content, *other} if content.get(each) != other.get(each)} == {"json"}
    lost = build.store("harvest/media").table(["status", "error_class"]).to_pylist()
    assert sorted(row["error_class"] for row in lost if row["status"] == "failed") == ["BadTar", "Truncated"]
