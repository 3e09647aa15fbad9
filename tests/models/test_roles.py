"""What each role promises of its results: shapes, types, ranges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vidal import models
from vidal.demo.sound import waveform
from vidal.demo.train.data import scenes
from vidal.models.resample import resample


def test_clip_embeddings_have_unit_length(company):
    model = models.load("clip", "demo:clip", device="cpu")
    for found, count in (
        (model.embed_images(company), len(company)),
        (model.embed_texts(["a red circle", "", "x" * 5000, "\x00\u202e"]), 4),
        (model.embed_images([]), 0),
        (model.embed_texts([]), 0),
    ):
        assert found.shape == (count, model.width) and found.dtype == np.float32
        assert np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)


def test_clap_embeddings_have_unit_length_whatever_the_length_and_rate():
    model = models.load("clap", "demo:clap", device="cpu")
    noise = np.random.default_rng(0).standard_normal(48000 * 15).astype(np.float32) * 0.1
    found = np.concatenate([
        model.embed_audio([noise[:1], noise[:100], noise[: 16000 * 4], noise], 16000),
        model.embed_audio([noise], 48000),
        model.embed_audio([np.zeros(16000, np.float32)], 16000),
    ])  # fmt: skip
    assert found.shape == (6, model.width) and found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    assert model.embed_audio([], 16000).shape == (0, model.width)
    with pytest.raises(ValueError, match="no samples"):
        model.embed_audio([noise[:0]], 16000)


def test_clap_hears_the_same_at_another_rate():
    model = models.load("clap", "demo:clap", device="cpu")
    waves = [waveform(one) for one in scenes(903, 8)]
    near = model.embed_audio(waves, 16000)
    far = model.embed_audio([resample(wave, 16000, 44100) for wave in waves], 44100)
    assert ((near * far).sum(1) > 0.95).all()


@pytest.mark.parametrize(("source", "target"), [(16000, 48000), (48000, 16000), (44100, 16000)])
def test_resampling_keeps_a_tone_and_drops_what_the_target_cannot_hold(source, target):
    t, u = np.arange(source) / source, np.arange(target) / target
    found = resample(np.sin(2 * np.pi * 440 * t).astype(np.float32), source, target)
    assert found.dtype == np.float32 and len(found) == target
    middle = slice(target // 10, -target // 10)
    assert np.abs(found - np.sin(2 * np.pi * 440 * u))[middle].max() < 1e-3
    if target < source:
        high = resample(np.sin(2 * np.pi * 0.6 * target * t).astype(np.float32), source, target)
        assert np.abs(high[middle]).max() < 1e-2


def test_depth_has_the_size_of_its_frame_and_is_metric(company):
    model = models.load("depth", "demo:depth", device="cpu")
    assert model.kind == "metric"
    for frame, depth in zip(company, model.depth(company), strict=True):
        assert depth.shape == frame.shape[:2] and depth.dtype == np.float32
        assert depth.min() >= 0.0 and depth.max() < 12.0
    assert model.depth([]) == []


def test_infrared_has_one_style_for_all_frames_of_a_call(company):
    model = models.load("infrared", "demo:srgb-tir", device="cpu")
    one, again, other = (model.translate([*company, company[0]], seed=seed) for seed in (3, 3, 4))
    for frame, thermal in zip(company, one, strict=False):
        assert thermal.shape == frame.shape and thermal.dtype == np.uint8
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert np.array_equal(one[0], one[-1])
    assert not np.array_equal(one[0], other[0])


def test_infrared_by_the_original_recipe_draws_a_style_for_each_frame_and_fills_the_range(company):
    model = models.load("infrared", "demo:srgb-tir", device="cpu")
    model = replace(model, place=replace(model.place, batch=1))
    frames = [company[0], company[0], company[3]]
    found, again = (model.translate_as_original(frames, seed=3) for _ in range(2))
    for frame, thermal in zip(frames, found, strict=True):
        assert thermal.shape == frame.shape and thermal.min() == 0 and thermal.max() == 255
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
    assert not np.array_equal(found[0], found[1])


def test_captions_are_plain_sentences(company):
    told = models.load("captioner", "demo:captioner", device="cpu").caption_images(company)
    assert len(told) == len(company)
    assert all(text == text.strip() and "<" not in text and len(text.split()) > 3 for text in told)


def test_bfloat16_is_near_float32(company):
    """CUDA's default precision, on the CPU: whatever casts a role forgets shows here."""

    def near(role: str, checkpoint: str, run, tolerance: float) -> None:
        exact, rough = (run(models.load(role, checkpoint, device="cpu", dtype=d)) for d in ("float32", "bfloat16"))
        assert np.abs(np.asarray(exact, np.float64) - np.asarray(rough, np.float64)).mean() < tolerance

    frames = company[:2]
    near("clip", "demo:clip", lambda model: model.embed_images(frames), 0.02)
    near("clip", "demo:clip", lambda model: model.embed_texts(["a red circle"]), 0.02)
    near("clap", "demo:clap", lambda model: model.embed_audio([waveform(scenes(903, 1)[0])], 16000), 0.02)
    near("clap", "demo:clap", lambda model: model.embed_texts(["a bell ringing"]), 0.02)
    near("depth", "demo:depth", lambda model: model.depth(frames)[0], 0.1)
    near("infrared", "demo:srgb-tir", lambda model: model.translate(frames, seed=1)[0], 4.0)
    for role, checkpoint in (("captioner", "demo:captioner"), ("video_captioner", "demo:video-captioner")):
        model = models.load(role, checkpoint, device="cpu", dtype="bfloat16")
        told = model.caption_images(frames) if role == "captioner" else model.caption_video([frames], [""])
        assert all(len(text.split()) > 3 for text in told)
