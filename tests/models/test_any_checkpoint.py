"""Checkpoints of other shapes than the demo's, made here: any ClapModel, taggers, detectors of text."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests import tiny
from vidal import models
from vidal.demo.sound import waveform
from vidal.demo.train.data import clip_frames, scenes
from vidal.engine.errors import ConfigError
from vidal.models.log_mel import clap_spectrogram
from vidal.models.resample import resample

RATE = 16000


@pytest.fixture(scope="module")
def waves():
    return [waveform(one, RATE) for one in scenes(905, 4)]


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    return models.load("audio_tagger", str(tiny.tagger(tmp_path_factory.mktemp("tagger"))), device="cpu")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return models.load("text_detector", str(tiny.detector(tmp_path_factory.mktemp("detector"))), device="cpu")


def tagged(model, waves):
    return model.tag([model.features(wave, RATE) for wave in waves])


@pytest.mark.parametrize("fusion", [False, True])
@pytest.mark.parametrize("safe", [False, True])
def test_any_clap_hears_whole_sounds(fusion, safe, waves, tmp_path):
    """Its own rate, window and spectrogram; with and without fusion; from safetensors and from a state dict."""
    model = models.load("clap", str(tiny.clap(tmp_path, fusion, safe)), device="cpu")
    found = model.embed_audio(waves, RATE)
    assert found.shape == (4, 24) and np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    assert (found @ found.T)[np.triu_indices(4, 1)].min() < 0.95
    np.random.seed(3)  # the feature extractor draws from numpy's global generator
    assert model.embed_audio(waves, RATE).tobytes() == found.tobytes()
    assert np.isclose(np.linalg.norm(model.embed_texts(["a bell ringing"])), 1.0)


def test_a_clap_embeds_as_its_own_library_does(waves, tmp_path):
    model = models.load("clap", str(tiny.clap(tmp_path, fusion=False)), device="cpu")
    processor, target = model.processor, model.processor.feature_extractor.sampling_rate
    short = [resample(wave, RATE, target)[: 2 * target] for wave in waves]
    with torch.inference_mode():
        features = processor.feature_extractor(short, sampling_rate=target, return_tensors="pt")["input_features"]
        sounds = model.network.get_audio_features(input_features=features).pooler_output.numpy()
        words = processor.tokenizer(["a bell", "rain falling"], padding=True, return_tensors="pt")
        ids = {"input_ids": words["input_ids"], "attention_mask": words["attention_mask"]}
        texts = model.network.get_text_features(**ids).pooler_output.numpy()
    np.testing.assert_allclose(model.embed_audio(short, target), sounds, atol=1e-5)
    np.testing.assert_allclose(model.embed_texts(["a bell", "rain falling"]), texts, atol=1e-5)


@pytest.mark.parametrize("padding", ["repeatpad", "repeat", "pad"])
@pytest.mark.parametrize("fusion", [False, True])
def test_spectrograms_are_those_of_the_library(padding, fusion, waves):
    """Also where there is silence, and where the loud stands beside the very quiet."""
    from transformers import ClapFeatureExtractor

    extractor = ClapFeatureExtractor(
        sampling_rate=RATE, max_length_s=1, padding=padding, truncation="fusion" if fusion else "rand_trunc"
    )
    steps = np.concatenate([np.zeros(5000), np.full(3000, 0.9), np.full(3000, 1e-4)]).astype(np.float32)
    for wave in (waves[0][:RATE], waves[1][:7000], waves[2][:5], steps, np.zeros(300, np.float32)):
        expected = extractor(wave, sampling_rate=RATE, return_tensors="np")["input_features"][0]
        found = clap_spectrogram(wave, extractor)
        assert found.shape == expected.shape and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=5e-3)


def test_a_tagger_gives_each_label_its_own_probability(tagger, waves):
    """That of its logit alone, window by window, at the place the labels say."""
    window = waves[0][: round(1.28 * RATE)]
    with torch.inference_mode():
        features = tagger.extractor(window, sampling_rate=RATE, return_tensors="pt")["input_values"]
        logits = tagger.network(features).logits[0]
    (found,) = tagged(tagger, [window])
    assert found == pytest.approx({"speech": logits[0].sigmoid().item(), "music": logits[2].sigmoid().item()}, abs=1e-6)
    halves = [window, waves[1][: len(window)]]
    both = tagged(tagger, [np.concatenate(halves), *halves])
    for label in found:
        assert both[0][label] == pytest.approx((both[1][label] + both[2][label]) / 2, abs=1e-6)


def test_a_tagger_takes_sounds_of_any_length_and_company(tagger, waves):
    sounds = [waves[0][:1], waves[1][:100], waves[2], np.zeros(RATE, np.float32), np.concatenate(waves)]
    together = tagged(tagger, sounds)
    assert all(0.0 <= share <= 1.0 for found in together for share in found.values())
    assert tagged(tagger, sounds[::-1]) == together[::-1]
    assert [tagged(tagger, [sound])[0] for sound in sounds] == together
    assert len({str(found) for found in together}) >= 4 and tagged(tagger, []) == []
    with pytest.raises(ValueError, match="no samples"):
        tagger.features(waves[0][:0], RATE)


def test_a_tagger_without_the_labels_of_audioset_is_refused(tmp_path):
    folder = tiny.tagger(tmp_path / "odd", labels=("yes", "no", "Speech"))
    with pytest.raises(ConfigError, match="no label music as AudioSet has; its labels: yes, no, Speech"):
        models.load("audio_tagger", str(folder))
    folder = tiny.tagger(tmp_path / "one", problem_type="single_label_classification")
    with pytest.raises(ConfigError, match="labels exclude each other"):
        models.load("audio_tagger", str(folder))


def test_a_detector_gives_a_map_of_the_whole_picture(detector, company):
    """That of its library, which binarises the same values into boxes."""
    maps = detector.text_maps([detector.pixels(frame) for frame in company])
    for frame, found in zip(company, maps, strict=True):
        assert found.dtype == np.float32 and 0.0 <= found.min() < found.max() <= 1.0
        assert all(abs(side - shown) <= 16 for side, shown in zip(found.shape, frame.shape, strict=False))
    with torch.inference_mode():
        pixels = detector.processor(images=company[0], return_tensors="pt")["pixel_values"]
        expected = detector.network(pixel_values=pixels).last_hidden_state[0, 0].numpy()
    np.testing.assert_allclose(maps[0], expected, atol=1e-3)
    alone = [detector.text_maps([detector.pixels(frame)])[0] for frame in company]
    assert all(one.tobytes() == other.tobytes() for one, other in zip(alone, maps, strict=True))
    assert detector.text_maps([]) == []


def test_a_detector_of_other_things_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "yolos"}))
    with pytest.raises(ConfigError, match="it is a yolos, and text is found by PP-OCR detectors"):
        models.load("text_detector", str(tmp_path))


HALF = {"bfloat16": 0.02, "float16": 0.003}
"""Cosines may differ by this much from those in float32."""


@pytest.mark.parametrize("dtype", HALF)
def test_half_precision_is_near_float32(dtype, waves, tmp_path):
    """What CUDA computes in, here on the CPU: embeddings keep unit length, and no cosine moves by more than HALF."""
    frames = [frame for one in scenes(905, 3) for frame in clip_frames(one, 2)]
    demo = {"clip": "demo:clip", "clap": "demo:clap"}
    for role, checkpoint in [*demo.items(), ("clap", str(tiny.clap(tmp_path / "clap", fusion=True)))]:
        exact, rough = (models.load(role, checkpoint, device="cpu", dtype=name) for name in ("float32", dtype))
        texts = ["Large blue star rolling left", "a bell ringing"]
        sources = [exact.embed_images(frames), rough.embed_images(frames)] if role == "clip" else []
        sources = sources or [exact.embed_audio(waves, RATE), rough.embed_audio(waves, RATE)]
        cosines = [source @ model.embed_texts(texts).T for source, model in zip(sources, (exact, rough), strict=True)]
        assert sources[1].dtype == np.float32
        assert np.allclose(np.linalg.norm(sources[1], axis=1), 1.0, atol=1e-5)
        assert 0.0 < np.abs(cosines[0] - cosines[1]).max() < HALF[dtype]


@pytest.mark.parametrize("dtype", HALF)
def test_half_precision_of_taggers_and_detectors(dtype, waves, company, tmp_path):
    tagger, detector = str(tiny.tagger(tmp_path / "tagger")), str(tiny.detector(tmp_path / "detector"))
    exact, rough = (tagged(models.load("audio_tagger", tagger, "cpu", name), waves) for name in ("float32", dtype))
    for one, other in zip(exact, rough, strict=True):
        assert one == pytest.approx(other, abs=HALF[dtype])
    maps = []
    for name in ("float32", dtype):
        model = models.load("text_detector", detector, "cpu", name)
        maps.append(model.text_maps([model.pixels(company[0])])[0] > 0.3)
    assert np.mean(maps[0] != maps[1]) < 10 * HALF[dtype]
