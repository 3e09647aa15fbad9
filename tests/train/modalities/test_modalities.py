"""The five modalities on real members, and a sixth."""

from __future__ import annotations

import io
import json
from dataclasses import fields

import numpy as np
import pytest
import torch

from tests.train.data.world import VISION, clip, folder, loader, npy, picture
from vidal.engine.errors import ConfigError, SampleError
from vidal.media.depth_png import decode_depth
from vidal.media.images import decode_image
from vidal.media.sound import decode_audio
from vidal.media.write import write_clip
from vidal.train.modalities import Modality, modalities, modality, register
from vidal.train.modalities.frames import numbered, one_frame
from vidal.train.towers.config import VisionConfig
from vidal.train.transforms.audio import AudioTransform
from vidal.train.transforms.depth import DepthTransform, Unit
from vidal.train.transforms.pictures import PictureTransform
from vidal.train.transforms.video import VideoTransform

MEMBERS = clip(5)
RECORD = json.loads(MEMBERS["json"])


def read(name, members=MEMBERS, drawn=None, rng=None, record=RECORD):
    chosen = modality(name)
    series = {member: members[member] for member in chosen.series(members)}
    return chosen.read(series, record, drawn, rng, VISION)


def test_five_are_there_and_say_what_their_towers_are():
    assert list(modalities()) == ["audio", "depth", "image", "thermal", "video"]
    for entry in modalities().values():
        assert set(entry.tower) <= {field.name for field in fields(VisionConfig)}
        VisionConfig(**entry.tower)
    assert VisionConfig(**modality("video").tower).num_frames == 8
    assert VisionConfig(**modality("audio").tower, patch_size=14).grid == (8, 74)
    with pytest.raises(ConfigError, match="no modality is named smell; known are audio, depth"):
        modality("smell")


def test_the_best_series_a_sample_has_is_read():
    video = modality("video")
    assert video.series(["mp4", "frm1.jpg", "frm0.jpg", "json"]) == ["frm0.jpg", "frm1.jpg"]
    assert video.series(["mp4", "dep0.png"]) == ["mp4"] and video.series(["dep0.png"]) == []


def test_pictures_of_keyframes():
    whole = PictureTransform(32)
    for name, member in (("image", "frm{}.jpg"), ("thermal", "tml{}.jpg")):
        assert torch.equal(read(name), whole(decode_image(MEMBERS[member.format(3)])))
        assert torch.equal(read(name, drawn=6), whole(decode_image(MEMBERS[member.format(6)])))
    found = {read("thermal", rng=np.random.default_rng(seed)).sum().item() for seed in range(60)}
    assert len(found) == 8


def test_depth_is_read_by_what_the_record_says():
    pixels = decode_depth(MEMBERS["dep3.png"])
    assert torch.equal(read("depth"), DepthTransform(32)(pixels))
    inches = {"depth": {"kind": "metric", "scale": 0.0254, "offset": 1}}
    assert torch.equal(read("depth", record=inches), DepthTransform(32)(pixels, Unit("metric", 0.0254, 1.0)))
    with pytest.raises(SampleError, match="no metres"):
        read("depth", record={"depth": {"kind": "inverse", "scale": 1, "offset": 0}})


def test_depth_of_the_original_shards():
    pixels = decode_depth(MEMBERS["dep0.png"])
    for values in (pixels, pixels.astype(np.float32)[None]):
        found = read("depth", {"dep0.npy": npy(values)}, drawn=6, record={})
        assert torch.equal(found, DepthTransform(32)(pixels))


@pytest.mark.parametrize(
    "data",
    [
        npy(np.zeros((4, 4, 3))),
        npy(np.full((4, 4), np.nan)),
        npy(np.zeros((0, 4))),
        npy(np.array([["a"]])),
        npy(np.zeros((40, 40)))[:300],
        npy(np.zeros((4, 4))).replace(b"(4, 4)", b"(1<<40"),
        npy(np.zeros((4, 4), ">u2")).replace(b"(4, 4), ", b"(9999999"),
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 99999999), }",
        b"",
    ],
)
def test_what_is_no_depth_map(data):
    with pytest.raises(SampleError) as error:
        read("depth", {"dep0.npy": data}, record={})
    assert error.value.error_class == "DecodeFailed"


def test_pickled_depth_is_never_loaded():
    stored = io.BytesIO()
    np.save(stored, np.array([[{"a": 1}]], dtype=object), allow_pickle=True)
    with pytest.raises(SampleError, match="no depth map"):
        read("depth", {"dep0.npy": stored.getvalue()}, record={})


def test_clips_by_their_keyframes():
    frames = np.stack([decode_image(MEMBERS[f"frm{number}.jpg"]) for number in (0, 2, 4, 7)])
    assert torch.equal(read("video"), VideoTransform(32)(frames))
    drawn = read("video", rng=np.random.default_rng(1))
    assert torch.equal(drawn, VideoTransform(32)(frames, np.random.default_rng(1)))
    assert drawn.shape == (3, 4, 32, 32)
    assert len({read("video", rng=np.random.default_rng(seed)).sum().item() for seed in range(20)}) > 5
    with pytest.raises(SampleError, match="several sizes"):
        read("video", {**MEMBERS, "frm2.jpg": picture(1, 0, 48, 48)})


def test_clips_by_their_mp4(tmp_path):
    levels = np.arange(12) * 20
    film = np.broadcast_to(levels[:, None, None, None], (12, 48, 64, 3)).astype(np.uint8)
    data = write_clip(tmp_path / "clip.mp4", film, 8).read_bytes()
    found = read("video", {"mp4": data})
    expected = VideoTransform(32)(film[[0, 3, 7, 11]])
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0)
    for damaged in (data[: len(data) // 2], b"", b"<html>"):
        with pytest.raises(SampleError):
            read("video", {"mp4": damaged})


def test_sounds():
    wave, rate = decode_audio(MEMBERS["flac"])
    assert torch.equal(read("audio"), AudioTransform(32, 48, VISION.audio_mean, VISION.audio_std)(wave[None], rate))
    assert read("audio").shape == (3, 32, 48)
    assert not torch.equal(read("audio"), read("audio", rng=np.random.default_rng(0)))


def test_frames_are_in_the_order_of_their_numbers():
    names = [f"frm{number}.jpg" for number in range(12)]
    assert numbered(sorted(names)) == names
    assert one_frame(names, None, None) == "frm3.jpg" and one_frame(names, 11, None) == "frm11.jpg"
    assert one_frame(["jpg"], 5, None) == "jpg" and one_frame(["dep1.png", "dep2.png"], None, None) == "dep1.png"
    with pytest.raises(SampleError, match="keyframe 5"):
        one_frame(["dep1.png", "dep2.png"], 5, None)


def touch(members, record, drawn, rng, vision):
    """How hard a thing was pressed, by sensor: a map of bytes."""
    pressed = np.frombuffer(members["touch.raw"], np.uint8).reshape(vision.image_size, vision.image_size)
    return torch.from_numpy(pressed / np.float32(255)).expand(3, -1, -1)


def test_a_sixth_modality_is_one_entry(tmp_path, monkeypatch):
    monkeypatch.setattr("vidal.train.modalities._registry", dict(modalities()))
    register(Modality("touch", ("touch.raw",), touch, {"hidden_size": 32}))
    place = folder(tmp_path, (3, 3), lambda number: {"touch.raw": bytes([number]) * 1024, "txt": b"pressed"})
    batch = next(iter(loader(place, "touch", batch_size=3)))
    assert batch.pixels.shape == (3, 3, 32, 32)
    assert batch.pixels[:, 0, 0, 0].mul(255).tolist() == [int(name[1:]) for name in batch.keys]
    with pytest.raises(ConfigError, match="two modalities are named touch"):
        register(Modality("touch", ("other",), touch))
