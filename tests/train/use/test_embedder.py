"""Files, arrays, tensors and texts become vectors of one space."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import vidal
from tests.docs.pages import ROOT, blocks
from tests.media.conftest import picture, tone
from tests.train.towers.test_parity import PARITY, near, tensors
from tests.train.use.made import stored, towers
from vidal import models
from vidal.engine.errors import ConfigError, MissingError, SampleError
from vidal.media.depth_png import encode_depth
from vidal.media.excerpt import decode_pictures
from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.sound import encode_flac
from vidal.media.write import write_clip
from vidal.train.evaluate.data import Media
from vidal.train.modalities import Modality, modality
from vidal.train.towers.checkpoint import load as load_towers
from vidal.train.towers.config import VisionConfig
from vidal.train.transforms.tokens import Words
from vidal.train.use.files import STRIDE, moment_indices, pixels
from vidal.train.use.loading import bound_modality, load

DEEP = "d.png"
KINDS = ("image", "video", "audio", "depth", "thermal")


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> dict[str, str]:
    return {kind: stored(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.fixture(scope="module")
def model(names):
    return load(names, "cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A picture, a depth map, a sound and clips, each in more than one format."""
    folder = tmp_path_factory.mktemp("files")
    frame = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    for name in ("p.png", "p.bmp", "p.webp", "p.tiff"):
        Image.fromarray(frame).save(folder / name, lossless=True)
    depth = np.random.default_rng(2).integers(500, 9000, (50, 70), np.uint16)
    (folder / "d.png").write_bytes(encode_depth(depth))
    np.save(folder / "d.npy", depth)
    (folder / "s.flac").write_bytes(encode_flac(tone(1.5), 16000))
    write_clip(folder / "c.mp4", (picture(number, 96, 64) for number in range(40)), 10, None)
    subprocess.run([ffmpeg_binary(), "-nostdin", "-v", "error", "-i", "s.flac", "s.wav"], check=True, cwd=folder)
    return folder


def test_each_kind_of_file_is_the_array_it_holds(model, files):
    frame, depth = np.asarray(Image.open(files / "p.png")), np.load(files / "d.npy")
    found = vidal.embed(
        {
            "image": [files / "p.png", files / "p.bmp", str(files / "p.webp"), files / "p.tiff", frame],
            "thermal": [files / "p.png", frame],
            "depth": [files / "d.png", files / "d.npy", depth],
            "audio": [files / "s.flac", files / "s.wav", encoded(tone(1.5))],
            "language": ["a red circle", "a dog barks"],
        },
        model,
    )
    for name, vectors in found.items():
        assert vectors.dtype == np.float32 and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        if name != "language":
            assert np.array_equal(vectors, np.broadcast_to(vectors[:1], vectors.shape)), name
    assert not np.allclose(*found["language"], atol=1e-3)
    assert not np.allclose(found["image"][0], found["thermal"][0], atol=1e-3)


def encoded(wave: np.ndarray) -> np.ndarray:
    """A sound as 16 bits hold it."""
    return (np.clip(np.rint(wave * 32768), -32768, 32767) / 32768).astype(np.float32)


def test_a_clip_is_eight_of_its_frames(model, files):
    frames = decode_pictures(files / "c.mp4", np.arange)
    assert len(frames) == 40
    found = vidal.embed({"video": [files / "c.mp4", frames, Media(files / "c.mp4", (0.0, 9.0))]}, model)["video"]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    part = vidal.embed({"video": [Media(files / "c.mp4", (1.0, 2.0)), frames[10:20]]}, model)["video"]
    assert np.array_equal(part[0], part[1]) and not np.allclose(part[0], found[0], atol=1e-3)


def test_fifteen_views_are_five_moments_of_three_crops(model, files):
    views = [Media(files / "c.mp4", None, (k, 15)) for k in range(15)]
    seen = torch.stack([pixels(view, modality("video"), model.vision("video")) for view in views])
    side = model.vision("video").image_size
    assert seen.shape == (15, 3, 8, side, side)
    left, right = seen[0, 0], seen[2, 0]
    red = (left > 1).float().mean(), (right > 1).float().mean()
    assert red[0] > red[1] + 0.1
    assert len({float(one.sum()) for one in seen}) == 3, "40 pictures have no room for more than one moment"
    with pytest.raises(ConfigError, match="only clips are seen in several"):
        model.media("image", [Media(files / "p.png", None, (0, 3))])


@given(st.integers(1, 400), st.integers(1, 16), st.integers(1, 6))
def test_moments_spread_over_the_whole_clip(total, wanted, moments):
    starts = [moment_indices(total, wanted, moment, moments) for moment in range(moments)]
    for indices in starts:
        assert len(indices) == wanted and indices.min() >= 0 and indices.max() < total
        assert set(np.diff(indices)) <= {STRIDE} | set(range(STRIDE))
    assert starts[0][0] == 0 and [s[0] for s in starts] == sorted(s[0] for s in starts)
    if total > (wanted - 1) * STRIDE and moments > 1:
        assert starts[-1][-1] == total - 1


def test_a_vector_does_not_depend_on_its_neighbours(model):
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 256, (40 + n, 60, 3), np.uint8) for n in range(11)]
    whole = model.media("image", frames)
    assert all(np.array_equal(whole[n : n + 1], model.media("image", [frames[n]])) for n in (0, 7, 8, 10))
    texts = [f"text {'of many words ' * (n % 3)}{n}" for n in range(10)]
    whole = model.texts(texts)
    assert all(np.array_equal(whole[n : n + 1], model.texts([texts[n]])) for n in (0, 8, 9))
    assert model.texts([]).shape == model.media("image", []).shape == (0, whole.shape[1])


def test_vectors_are_those_of_the_network_itself(names, model):
    network = load_towers(Path(names["depth"]))
    tensor = torch.randn(3, 3, network.config.vision.image_size, network.config.vision.image_size)
    ids, mask = Words(Path(names["depth"]), network.config.text.max_position_embeddings).ids(["a red circle", "snow"])
    with torch.inference_mode():
        media, texts = network.encode(tensor), network.encode_text(ids, mask)
    assert np.allclose(model.media("depth", list(tensor)), media, atol=1e-5)
    assert np.allclose(model.texts(["a red circle", "snow"]), texts, atol=1e-5)


def test_a_clip_of_open_clip_finds_what_it_was_trained_for(files):
    """The baseline: no attention over time, frames averaged, inputs as those of the model it stands beside."""
    ours = load({"video": "demo:clip", "image": "demo:clip"}, "cpu")
    frame = np.asarray(Image.open(files / "p.png"))
    still = np.stack([frame] * 8)
    image, video = ours.media("image", [frame])[0], ours.media("video", [still])[0]
    cosine = image @ video / np.linalg.norm(image) / np.linalg.norm(video)
    assert cosine > 0.98
    theirs = models.load("clip", "demo:clip", device="cpu", dtype="float32").embed_texts(["a red circle on grass"])
    found = ours.texts(["a red circle on grass"])
    assert np.allclose(found / np.linalg.norm(found), theirs, atol=1e-5)


def test_a_baseline_is_shown_what_the_model_is_shown(model):
    beside = load({"audio": "demo:clip", "video": "demo:clip"}, "cpu", like=model)
    assert (beside.vision("audio").num_mel_bins, beside.vision("audio").target_length) == (32, 48)
    assert not beside.vision("video").add_time_attn and beside.vision("video").lora_r == 0


def test_models_of_no_common_space_are_refused(names, tmp_path):
    other = towers("audio")
    with torch.no_grad():
        other.text_projection.weight.mul_(1.01)
    name = stored(tmp_path, "audio", other)
    with pytest.raises(ConfigError, match=r"no common space") as told:
        load({"depth": names["depth"], "audio": name}, "cpu")
    assert names["depth"] in str(told.value) and "text_projection.weight" in str(told.value)
    config = tmp_path / "config.json"
    stored(tmp_path, "audio")
    config.write_text(config.read_text().replace('"gelu"', '"quick_gelu"'))
    with pytest.raises(ConfigError, match="the first is hidden_act"):
        load({"depth": names["depth"], "audio": name}, "cpu")


def test_a_text_tower_in_half_precision_is_the_same(names, tmp_path):
    other = towers("audio")
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if name.startswith("text_"):
                weight.copy_(weight.half())
    both = load({"depth": names["depth"], "audio": stored(tmp_path, "audio", other)}, "cpu")
    assert both.modalities == ("depth", "audio")


def test_a_model_is_known_by_what_it_binds(names):
    assert bound_modality(names["thermal"]) == "thermal"
    with pytest.raises(ConfigError, match="binds depth, not audio"):
        load({"audio": names["depth"]}, "cpu")
    with pytest.raises(ConfigError, match="does not say which modality"):
        bound_modality("demo:clip")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"video": "clip.mp4"}, "expected a list"),
        ({"thermal": [DEEP]}, "mode I;16, whose values are no 8-bit colours"),
        ({"smell": ["x"]}, "no modality is named smell"),
        ({"language": [3]}, "expected texts, not int"),
        ({"image": ["absent.png"]}, "absent.png cannot be read as image"),
        ({"image": [3]}, "a int is nothing that image is read from"),
        ({"video": [np.zeros((8, 9, 3), np.uint8)]}, "video is uint8 .frames, H, W, 3"),
        ({"image": [np.zeros((8, 9, 3), np.uint16)]}, "image is uint8"),
        ({"thermal": [np.zeros((8, 9, 4), np.uint8)]}, "thermal is uint8"),
        ({"audio": [np.zeros(16000, np.int16)]}, "audio is float"),
        ({"depth": [torch.zeros(3, 5, 5)]}, "the tower takes"),
        ({"audio": [np.full(16000, np.nan, np.float32)]}, "NotFinite"),
    ],
)
def test_bad_input_is_one_message(model, files, monkeypatch, inputs, told):
    """Among them a map of 16 bits given as a picture, which would be seen as white."""
    monkeypatch.chdir(files)
    with pytest.raises(ConfigError, match=told) as error:
        vidal.embed(inputs, model)
    assert "\n" not in str(error.value)


def test_absent_and_damaged_models_are_one_message(names, tmp_path):
    with pytest.raises(MissingError, match="does not exist"):
        load({"image": str(tmp_path / "absent")}, "cpu")
    with pytest.raises(ConfigError, match="no models"):
        load({}, "cpu")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json cannot be read"):
        load({"image": str(tmp_path)}, "cpu")
    with pytest.raises(ConfigError, match="no model for video"):
        vidal.embed({"video": []}, {"depth": names["depth"]}, "cpu")


def test_hostile_pictures_are_refused_by_name(model, tmp_path):
    (tmp_path / "bomb.png").write_bytes(encode_depth(np.zeros((4, 4), np.uint16))[:40])
    Image.new("L", (4000, 3000)).save(tmp_path / "huge.png")
    for name, told in (("bomb.png", "bomb.png cannot be read as depth"), ("huge.png", "TooManyPixels")):
        with pytest.raises(ConfigError, match=told):
            model.media("depth", [Media(tmp_path / name)])


def test_the_lines_of_the_page_run(names, files, tmp_path, monkeypatch, capsys):
    (source,) = blocks(ROOT / "docs" / "embedding.md", "python")
    for kind in ("video", "audio"):
        (tmp_path / "runs" / kind).mkdir(parents=True)
        (tmp_path / "runs" / kind / "model").symlink_to(names[kind])
    for made, name in (("c.mp4", "holiday.mp4"), ("c.mp4", "talk.webm"), ("s.flac", "rain.mp3")):
        command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-i", str(files / made), name]
        subprocess.run(command, check=True, cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(source, "embedding.md", "exec"), {})
    assert capsys.readouterr().out == "(2, 2)\n"


def test_a_modality_of_one_s_own_is_read_from_its_members(files):
    """By the whole name or by the ending, through the entry's own `read`."""

    def read(members, record, drawn, rng, vision):
        ((name, data),) = members.items()
        return torch.full((3, vision.image_size, vision.image_size), float(len(name) + len(data)))

    (files / "scan.heat").write_bytes(b"12345")
    (files / "heat0.raw").write_bytes(b"123")
    own, vision = Modality("heat", ("heat", "heat*.raw"), read), VisionConfig(image_size=8)
    assert float(pixels(Media(files / "scan.heat"), own, vision).max()) == len("heat") + 5
    assert float(pixels(Media(files / "heat0.raw"), own, vision).max()) == len("heat0.raw") + 3
    with pytest.raises(SampleError, match=r"read from files named heat or heat\*\.raw"):
        pixels(Media(files / "p.png"), own, vision)


@pytest.mark.skipif(not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are not here")
@pytest.mark.parametrize(
    ("kind", "case", "file", "close"),
    [
        ("image", "preproc-image", "input0.png", 1e-5),
        ("thermal", "preproc-thermal", "input0.png", 1e-5),
        ("depth", "preproc-depth", "input0.png", 1e-5),
        ("audio", "preproc-audio-44k-3s", "input.wav", 4e-3),
        ("audio", "preproc-audio-22k-2s-stereo", "input.wav", 4e-3),
    ],
)
def test_a_file_becomes_what_the_published_processor_makes_of_it(kind, case, file, close):
    recorded = tensors(case, "outputs")
    expected = recorded.get(f"{Path(file).stem}.pixel_values", recorded.get("pixel_values_channel0"))
    vision = VisionConfig(**modality(kind).tower)
    found = pixels(Media(PARITY / case / file), modality(kind), vision)
    near(found if expected.dim() == 3 else found[0], expected, close)
