"""The layouts of VIDAL-10M's trainer, read as it is known to read them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import webdataset
from PIL import Image

from tests.shard.dataset import CLIPS, SOUNDS
from vidal.engine.errors import ConfigError
from vidal.harvest.sources import open_source
from vidal.harvest.sources.vidal_release import VidalReleaseConfig
from vidal.media.depth_png import decode_depth, encode_depth
from vidal.shard.exchange.folders import export_folders
from vidal.shard.exchange.original_shards import export_original_shards

PREFIX = "In the video, "


def read_folders(root: Path, id_: str, entry: dict, frame: int) -> dict:
    """What the trainer's `VAT_dataset` opens for one id: the clip, or its pictures, and one frame of depth and
    infrared."""
    generated, clips = root / entry["folder"], root / f"{entry['folder']}_resize256_skip15"
    with Image.open(generated / f"{id_}_depth_f8glpn_folder" / f"{frame}.png") as picture:
        depth = np.asarray(picture).astype(np.float32) / 1000
    with Image.open(generated / f"{id_}_thermal_folder" / f"{frame}.jpg") as picture:
        thermal = np.asarray(picture)
    pictures = [np.asarray(Image.open(clips / f"{id_}_resize256_folder" / f"{n}.jpg")) for n in range(8)]
    captions = json.loads((generated / f"{id_}_caption.json").read_text())
    return {
        "clip": (clips / f"{id_}.mp4").read_bytes(),
        "depth": np.clip(depth, 0.01, 10) / 10,
        "thermal": thermal,
        "pictures": pictures,
        "captions": captions[id_],
    }


def test_the_folders_are_what_the_trainer_opens(shards, clips, tmp_path):
    done = export_folders(shards, tmp_path / "out")
    assert (done.samples, dict(done.left_out), dict(done.without)) == (CLIPS, {"no clip": SOUNDS}, {})
    annotations = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert set(annotations) == set(clips)
    for id_, entry in annotations.items():
        read, members = read_folders(tmp_path / "out", id_, entry, 5), clips[id_]
        assert read["clip"] == members["mp4"]
        assert np.allclose(read["depth"], np.clip(decode_depth(members["dep5.png"]) / 1000, 0.01, 10) / 10)
        assert read["thermal"].shape == (*read["depth"].shape, 3) and len(read["pictures"]) == 8
        assert read["captions"] == entry["ofa"] == [members[f"ofa{n}.txt"].decode() for n in range(8)]
        title, _, hashtags = entry["raw"].partition("#")
        assert title and hashtags
        assert entry["mplug"] == members["mplug.txt"].decode() and entry["sound_mplug"]


def test_the_annotation_file_is_one_that_is_imported(shards, clips, tmp_path):
    export_folders(shards, tmp_path / "out")
    config = VidalReleaseConfig(type="vidal-release", name="r", path="out/annotations.json")
    source = open_source(config, tmp_path)
    source.check()
    found = [candidate for part in source.listed() for candidate in source.search(part.name)]
    texts = sorted(json.loads(clip["json"])["views"]["raw"] for clip in clips.values())
    assert sorted(one.views["raw"] for one in found) == texts and all(len(one.views["ofa"]) == 8 for one in found)


def test_an_id_of_youtube_is_the_name(changed, tmp_path):
    url = "https://youtube.com/shorts/abcDEF_-123"
    export_folders(changed({"origin": {"url": url}}, polish_mplug_txt=b"In the video, a ring rolls."), tmp_path / "out")
    [(id_, entry)] = json.loads((tmp_path / "out" / "annotations.json").read_text()).items()
    assert id_ == "abcDEF_-123" and entry["polish_mplug"] == "a ring rolls."
    assert (tmp_path / "out" / "x-000000_resize256_skip15" / "abcDEF_-123.mp4").is_file()


def test_depth_of_another_scale_becomes_millimetres_and_of_another_kind_is_left_out(changed, tmp_path):
    depth = {"kind": "metric", "scale": 0.01, "offset": 0.5}
    shards = changed({"depth": depth}, dep0_png=encode_depth(np.array([[0, 100, 65535]], np.uint16)))
    export_folders(shards, tmp_path / "a")
    path = next((tmp_path / "a").glob("*/*_depth_f8glpn_folder/0.png"))
    assert decode_depth(path.read_bytes()).tolist() == [[500, 1500, 65535]]
    shards = changed({"depth": {"kind": "relative", "scale": 1.0, "offset": 0.0}}, sound_mplug_txt=None)
    done = export_folders(shards, tmp_path / "b")
    assert dict(done.without) == {"depth in metres": 1} and not list((tmp_path / "b").glob("*/*_depth_*"))


@pytest.mark.parametrize("key", ["../../up", "a/../b", "", "x\ny", "ü"])
def test_keys_are_never_paths(changed, tmp_path, key):
    before = set(tmp_path.rglob("*"))
    done = export_folders(changed(key=key or ".", record={"origin": {}}), tmp_path / "out")
    assert done.samples == 0 and sum(done.left_out.values()) >= 1
    new = {path for path in tmp_path.rglob("*") if path not in before and "changed" not in path.parts}
    assert {path.name for path in new} <= {"out", "annotations.json"}


def test_a_folder_that_is_there_stays_and_a_failure_leaves_nothing(shards, changed, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        export_folders(shards, tmp_path / "out")
    bad = changed()
    path = Path(bad.paths[0])
    path.write_bytes(path.read_bytes()[:-10240])
    for export in (export_folders, export_original_shards):
        with pytest.raises(ConfigError, match=r"x-000000\.tar: unexpected end.*--verify"):
            export(bad, tmp_path / "other")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "changed"}


def read_tars(urls: list[str]) -> list[dict]:
    """What the trainer's WebDataset loader takes: samples that have all it may ask for, whatever is trained."""
    needed = {"raw.txt", "mplug.txt", "polish_mplug.txt", "ofa3.txt", "frm7.jpg", "tml0.jpg", "dep0.npy"}
    stock = webdataset.WebDataset(urls, shardshuffle=False).select(lambda sample: needed <= set(sample))
    return list(stock.decode("pilrgb"))


def test_the_tars_are_what_the_trainers_loader_takes(shards, clips, tmp_path):
    done = export_original_shards(shards, tmp_path / "out", samples=2)
    assert (done.samples, dict(done.left_out)) == (CLIPS, {"no clip": SOUNDS})
    tars = sorted(map(str, (tmp_path / "out").glob("*.tar")))
    assert [Path(tar).name for tar in tars] == ["00000.tar", "00001.tar", "00002.tar"]
    assert json.loads((tmp_path / "out" / "sizes.json").read_text()) == {"00000.tar": 2, "00001.tar": 2, "00002.tar": 1}
    samples = read_tars(tars)
    assert [sample["__key__"] for sample in samples] == list(clips)
    for sample in samples:
        members = clips[sample["__key__"]]
        assert all(min(sample[f"frm{number}.jpg"].size) == 256 for number in range(8))
        assert sample["polish_mplug.txt"].startswith(PREFIX)
        assert sample["polish_mplug.txt"][len(PREFIX) :] == members["polish_mplug.txt"].decode()
        assert sample["ofa3.txt"] == members["ofa3.txt"].decode()
        depth = sample["dep0.npy"]
        assert depth.dtype == np.float32 and np.array_equal(depth, decode_depth(members["dep3.png"]))
        assert np.array_equal(np.asarray(sample["tml0.jpg"]), np.asarray(Image.open(io.BytesIO(members["tml3.jpg"]))))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mplug_txt": None}, "no mplug"),
        ({"polish_mplug_txt": b""}, "no polish_mplug"),
        ({"ofa3_txt": None}, "no captions of keyframes"),
        ({"dep3_png": None}, "no depth in metres"),
        ({"record": {"depth": None}}, "no depth in metres"),
    ],
)
def test_clips_that_the_loader_would_drop_are_left_out(changed, tmp_path, changes, reason):
    done = export_original_shards(changed(**changes), tmp_path / "out")
    assert done.samples == 0 and dict(done.left_out) == {reason: 1}
    assert not list((tmp_path / "out").glob("*.tar"))


def test_pictures_of_the_right_size_and_an_opening_are_left_as_they_are(changed, tmp_path):
    big = io.BytesIO()
    Image.new("RGB", (300, 256), "red").save(big, "JPEG")
    shards = changed(**{"frm0.jpg": big.getvalue(), "polish_mplug_txt": b"In the video, a ring."})
    export_original_shards(shards, tmp_path / "out")
    (sample,) = webdataset.WebDataset(str(tmp_path / "out" / "00000.tar"), shardshuffle=False)
    assert sample["frm0.jpg"] == big.getvalue() and sample["polish_mplug.txt"] == b"In the video, a ring."


def test_an_export_is_the_same_bytes_every_time(shards, tmp_path):
    for name in ("one", "two"):
        export_original_shards(shards, tmp_path / name)
    assert (tmp_path / "one" / "00000.tar").read_bytes() == (tmp_path / "two" / "00000.tar").read_bytes()
