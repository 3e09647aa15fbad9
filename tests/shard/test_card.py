"""The card and the metadata beside the shards, read by those they are for."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from tests.shard.dataset import CLIPS, MUTE, SHARDS, SOUNDS, scene_of
from vidal.demo.render import render
from vidal.shard.card import card
from vidal.shard.statistics import statistics

STATS = {
    "samples": {"video": 2},
    "splits": {"train": 2},
    "hours": {"video": 0.1},
    "sources": {"site": 2},
    "licences": {"CC-BY-4.0": 1, "CC0-1.0": 1},
    "languages": {"en": 1, "pt-BR": 1},
    "members": {"mp4": {"count": 2, "bytes": 9}},
    "shards": {"vidal-000000.tar": {"samples": 2, "bytes": 10240, "sha256": "0" * 64}},
}


def header(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


@pytest.fixture
def load(shards, tmp_path, monkeypatch):
    """`load_dataset` of the shards' folder, away from the user's cache and the network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    return lambda config, **options: load_dataset(
        str(shards), config, split="train", cache_dir=str(tmp_path / "c"), **options
    )


@pytest.mark.parametrize("streaming", [True, False])
def test_datasets_loads_clips_with_and_without_sound(load, streaming):
    rows = list(load("default", streaming=streaming))
    assert len(rows) == CLIPS
    for row in rows:
        url = row["json"]["origin"]["url"]
        assert (row["flac"] is None) is (url == f"clip-{MUTE}.mp4") and row["mp4"][4:8] == b"ftyp"
        truth = render(scene_of(url), 0.0)
        assert np.array_equal(np.asarray(row["dep0.png"]), truth.depth_mm)
        assert np.abs(np.asarray(row["frm0.jpg"]).astype(int) - truth.rgb).mean() < 12
        assert row["txt"].startswith("Refined: ") and row["ofa7.txt"]


def test_datasets_loads_sounds(load):
    rows = list(load("audio", streaming=True))
    assert len(rows) == SOUNDS and all(row["flac"][:4] == b"fLaC" and "mp4" not in row for row in rows)


def test_each_split_is_one_of_datasets(built, copy, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    built.write(copy, SHARDS.model_copy(update={"validation": 0.4}))
    found = load_dataset(copy.path("shards"), "default", streaming=True)
    index = copy.read_table("shards/index.parquet").to_pylist()
    for split in ("train", "validation"):
        wanted = {row["key"] for row in index if row["split"] == split and row["kind"] == "video"}
        assert {row["__key__"] for row in found[split]} == wanted


def test_croissant_is_valid_and_reads_the_index(built, shards):
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(shards / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    rows = built.workspace.read_table("shards/index.parquet").to_pylist()
    records = list(dataset.records("samples"))
    assert [one["samples/key"].decode() for one in records] == [row["key"] for row in rows]
    assert [one["samples/score_motion"] for one in records if one["samples/kind"] == b"video"] == [
        pytest.approx(row["score_motion"]) for row in rows if row["kind"] == "video"
    ]
    tars = {one.id: one.sha256 for one in dataset.metadata.distribution if one.id.endswith(".tar")}
    stats = built.workspace.read_json("shards/stats.json")
    assert tars == {name: shard["sha256"] for name, shard in stats["shards"].items()}


def test_a_file_that_is_not_what_croissant_says_is_noticed(shards):
    import mlcroissant

    path = shards / "index.parquet"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(Exception, match=r"operation Download\(index\.parquet\)"):
        list(mlcroissant.Dataset(jsonld=str(shards / "croissant.json")).records("samples"))


def test_licences_that_a_hub_knows_are_named():
    told = header(card("vidal", STATS, {"video": ["mp4", "txt"]}))
    assert told["license"] == ["cc-by-4.0", "cc0-1.0"] and told["language"] == ["en", "pt"]
    assert told["task_categories"] == ["text-to-video", "video-text-to-text"]
    features = {feature["name"]: feature["dtype"] for feature in told["dataset_info"][0]["features"]}
    assert features == {"mp4": "binary", "txt": "string", "__key__": "string", "__url__": "string"}


@pytest.mark.parametrize("licence", ["unknown", "LicenseRef-standard", "# a\n| --- |\n---"])
def test_other_licences_are_left_to_the_samples(licence):
    text = card("vidal", {**STATS, "licences": {"CC0-1.0": 1, licence: 1}}, {"video": ["mp4"]})
    told = header(text)
    assert (told["license"], told["license_name"]) == ("other", "stated-per-sample")
    assert len([line for line in text.splitlines() if line.startswith("| CC0-1.0 |")]) == 1
    assert text.count("\n---\n") == 1 and "\n# a" not in text


def test_members_are_told_by_kind(built):
    found = statistics([built.workspace.read_table("shards/index.parquet")]).names()
    assert found["audio"] == ["flac", "json", "raw.txt", "txt"] and "dep7.png" in found["video"]


def test_the_card_of_the_dataset(built):
    text = built.workspace.read_bytes("shards/README.md").decode()
    told = header(text)
    assert told["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "vidal-[0-9]*.tar"}]},
        {"config_name": "audio", "data_files": [{"split": "train", "path": "vidal-audio-[0-9]*.tar"}]},
    ]
    assert told["size_categories"] == ["n<1K"] and told["tags"] == ["video", "audio", "depth", "infrared", "webdataset"]
    assert "8 samples in 3 WebDataset shards" in text and "| video | 5 |" in text and "| unknown | 3 |" in text
