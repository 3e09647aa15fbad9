"""The transforms and texts against tensors, strings and ids recorded from the published implementation."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from vidal.engine.errors import SampleError
from vidal.media.depth_png import decode_depth
from vidal.media.images import decode_image
from vidal.train.transforms.audio import AudioTransform, rows, starts, thirds
from vidal.train.transforms.captions import repaired, told
from vidal.train.transforms.depth import DepthTransform
from vidal.train.transforms.filter_banks import HOP, WINDOW, log_mel
from vidal.train.transforms.pictures import PictureTransform
from vidal.train.transforms.resample import resampled
from vidal.train.transforms.tokens import Words
from vidal.train.transforms.video import VideoTransform, frame_indices

PARITY = Path(__file__).parents[4] / "shared" / "parity" / "languagebind"

pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are not here")


def about(case: str) -> dict[str, Any]:
    return json.loads((PARITY / case / "case.json").read_text())


def tensors(case: str, name: str = "outputs") -> dict[str, torch.Tensor]:
    return load_file(PARITY / case / f"{name}.safetensors")


def near(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, rtol=0.0, atol=tolerance)


def near_in_mel(found: torch.Tensor, expected: torch.Tensor) -> None:
    near(found, expected, 4e-3)
    apart = (found - expected).abs().flatten()
    assert apart.mean() <= 2e-5 and apart.kthvalue(int(0.999 * len(apart))).values <= 5e-4


def sound(case: str) -> tuple[np.ndarray, int]:
    with wave.open(str(PARITY / case / "input.wav")) as file:
        assert file.getsampwidth() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return (samples.T / 32768).astype(np.float32), file.getframerate()


@pytest.mark.parametrize(("case", "number"), [("image", 0), ("image", 1), ("image", 2), ("thermal", 0)])
def test_pictures(case, number):
    outputs = tensors(f"preproc-{case}")
    rgb = decode_image((PARITY / f"preproc-{case}" / f"input{number}.png").read_bytes())
    near(PictureTransform()(rgb), outputs[f"input{number}.pixel_values"], 1e-5)
    for resize, name in (("antialiased", "antialias"), ("pillow", "pil")):
        key = f"input{number}.pixel_values_{name}_every_2nd"
        if key in outputs:
            near(PictureTransform(resize=resize)(rgb)[:, ::2, ::2], outputs[key], 1e-5)


def test_each_way_to_resize_is_recorded():
    keys = {key.split(".")[1] for key in tensors("preproc-image")}
    assert keys == {"pixel_values", "pixel_values_antialias_every_2nd", "pixel_values_pil_every_2nd"}


@pytest.mark.parametrize("number", [0, 1])
def test_depth(number):
    told = about("preproc-depth")["inputs"][number]
    pixels = decode_depth((PARITY / "preproc-depth" / told["file"]).read_bytes())
    found = DepthTransform(max_depth=told["max_depth"])(pixels)
    near(found, tensors("preproc-depth")[f"input{number}.pixel_values"], 1e-5)


def test_a_clip():
    frames, expected = tensors("preproc-video", "inputs")["frames"], tensors("preproc-video")["pixel_values"]
    near(VideoTransform()(frames.numpy()), expected, 1e-5)
    published = VideoTransform(crop="centre", flip=1.0)(frames.numpy(), np.random.default_rng(0))
    near(published, expected.flip(-1), 1e-5)


def test_frames_are_chosen_as_recorded():
    for row in about("preproc-video")["frame_index_table"]:
        assert frame_indices(row["n_frames_in_file"], row["num_frames"]).tolist() == row["decord_or_opencv"]


@pytest.mark.parametrize("case", ["16k-3s", "44k-3s"])
def test_the_stages_of_a_sound(case):
    outputs = tensors(f"preproc-audio-{case}")
    waves, rate = sound(f"preproc-audio-{case}")
    found = torch.from_numpy(resampled(waves, rate, 16000))
    near(found, outputs["waveform_16k"], 2e-5)
    heard = outputs["waveform_16k"][0] - outputs["waveform_16k"].mean()
    bands = log_mel(heard.unfold(0, WINDOW, HOP), 112)
    near_in_mel(bands, outputs["log_mel"])


class Recorded:
    """A generator that draws the recorded starts, each from a range that has to be the recorded one."""

    def __init__(self, draws: list[dict[str, int]]) -> None:
        self.draws = iter(draws)

    def integers(self, count: int) -> int:
        draw = next(self.draws)
        assert count == draw["hi"] - draw["lo"] + 1
        return draw["drawn"] - draw["lo"]


@pytest.mark.parametrize("case", ["16k-3s", "44k-3s", "22k-2s-stereo", "16k-12s", "44k-12s"])
def test_a_sound(case):
    told = about(f"preproc-audio-{case}")
    outputs = tensors(f"preproc-audio-{case}")
    transform = AudioTransform(told["num_mel_bins"], told["target_length"], told["audio_mean"], told["audio_std"])
    found = transform(*sound(f"preproc-audio-{case}"), Recorded(told["chunk_draws"]))
    if told["three_channels_identical"]:
        assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
        near_in_mel(found[0], outputs["pixel_values_channel0"])
    else:
        near_in_mel(found, outputs["pixel_values"])


def test_where_windows_begin():
    told = about("preproc-audio-chunk-rule")
    length = told["target_length"]
    for row in told["rows"]:
        count = row["mel_frames"]
        found = rows(count, length, "tile", starts(count, length, None))
        if row["ranges_inclusive"]:
            assert [[part[0], part[-1]] for part in thirds(count, length)] == row["ranges_inclusive"]
        else:
            assert [found[0, 0], found[0, -1]] == row["source_frames_first_last_channel0"]
            repeats = row["repeats"] or 1
            assert np.array_equal(found[0], np.tile(np.arange(count), repeats)[:length])


def test_texts_and_their_ids():
    cases = json.loads((PARITY / "text" / "strings.json").read_text())
    assert len(cases) == 62
    published = Words(compat=True)
    raws = [case["raw"] for case in cases]
    titles = [told("raw", raw, compat=True) for raw in raws]
    assert titles == [case["title_true"]["text_before_tokenizer"] for case in cases]
    assert [repaired(text) for text in titles] == [
        case["title_true"]["text_after_basic_and_whitespace_clean"] for case in cases
    ]
    assert published.ids(titles)[0].tolist() == [case["title_true"]["input_ids"] for case in cases]
    ids, mask = published.ids(raws)
    assert ids.tolist() == [case["release_tokenizer_on_raw"]["input_ids"] for case in cases]
    assert mask.sum(1).tolist() == [case["release_tokenizer_on_raw"]["n_tokens"] for case in cases]


def test_captions_and_their_ids():
    cases = json.loads((PARITY / "text" / "strings.json").read_text())
    published = Words(compat=True)
    for case in cases:
        expected = case["title_false"]
        if "error" in expected:
            with pytest.raises(SampleError, match="says nothing"):
                told("mplug", case["raw"])
        else:
            text = told("mplug", case["raw"])
            assert text == expected["text_after_basic_and_whitespace_clean"]
            assert published.ids([text])[0][0].tolist() == expected["input_ids"]


def test_the_recorded_inputs_are_read_as_they_were():
    for number, told_of in enumerate(about("preproc-image")["inputs"]):
        with Image.open(PARITY / "preproc-image" / f"input{number}.png") as picture:
            assert picture.mode == "RGB" and picture.size == (told_of["width"], told_of["height"])
