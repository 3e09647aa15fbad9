"""Sounds of any rate and length as maps of their spectrum."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.audio_utils import mel_filter_bank

from vidal.engine.errors import SampleError
from vidal.train.transforms.audio import CODE, PAPER, PUBLISHED, AudioTransform, rows, starts, thirds
from vidal.train.transforms.filter_banks import FFT, FLOOR, HOP, RATE, WINDOW, _filters, frame_count, log_mel
from vidal.train.transforms.resample import resampled

SMALL = AudioTransform(mels=20, frames=30)


def noise(seconds: float, rate: int = RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (channels, int(seconds * rate))).astype(np.float32)


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)[None]


@pytest.mark.parametrize(("preset", "shape"), [(PUBLISHED, (112, 1036)), (CODE, (126, 1036)), (PAPER, (128, 998))])
def test_the_presets_give_maps_of_their_size(preset, shape):
    found = preset(noise(10), RATE)
    assert found.shape == (3, *shape) and found.dtype == torch.float32 and found.is_contiguous()
    assert torch.isfinite(found).all() and frame_count(10 * RATE) == 998


@pytest.mark.parametrize("mels", [112, 126, 128])
def test_the_filters_are_those_of_a_library(mels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = mel_filter_bank(
            FFT // 2 + 1, mels, 20, 8000, RATE, norm=None, mel_scale="kaldi", triangularize_in_mel_space=True
        )
    np.testing.assert_allclose(_filters(mels), expected, rtol=0, atol=1e-6)


def test_silence_is_the_floor_and_a_constant_is_silence():
    frames = torch.stack([torch.zeros(WINDOW), torch.full((WINDOW,), 0.5)])
    torch.testing.assert_close(log_mel(frames, 20), torch.full((2, 20), float(np.log(FLOOR))))


@pytest.mark.parametrize("hertz", [200.0, 1000.0, 3000.0, 7000.0])
@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_a_tone_is_loudest_in_its_own_band_at_any_rate(hertz, rate):
    if hertz > rate / 2:
        hertz = 700.0
    edges = 700 * (np.exp(np.linspace(*(1127 * np.log1p(np.array([20, 8000]) / 700)), 22) / 1127) - 1)
    loudest = SMALL(tone(hertz, 0.4, rate), rate)[0, :, 5:20].mean(1).argmax().item()
    assert edges[loudest] <= hertz <= edges[loudest + 2]


@settings(max_examples=30)
@given(st.integers(1000, 50000), st.integers(0, 3000), st.integers(1, 2))
def test_resampling_gives_the_length_of_the_rates(rate, samples, channels):
    found = resampled(np.ones((channels, samples), np.float32), rate, RATE)
    assert found.shape == (channels, -(-samples * RATE // rate)) and found.dtype == np.float32
    assert samples < 200 or abs(found[0, found.shape[1] // 2] - 1) < 0.02


def test_resampling_keeps_a_tone_and_drops_what_the_new_rate_cannot_hold():
    kept, dropped = resampled(tone(1000, 0.5, 44100), 44100, RATE), resampled(tone(12000, 0.5, 44100), 44100, RATE)
    inside = slice(200, -200)
    np.testing.assert_allclose(kept[0, inside], tone(1000, 0.5, RATE)[0, inside], rtol=0, atol=5e-3)
    assert abs(dropped[0, inside]).max() < 5e-3
    assert resampled(kept, RATE, RATE) is kept


@given(st.integers(1, 400), st.integers(1, 100), st.sampled_from(["tile", "pad"]), st.integers(0, 9))
def test_rows_stand_in_their_order(count, length, fill, seed):
    for rng in (None, np.random.default_rng(seed)):
        found = rows(count, length, fill, starts(count, length, rng))
        assert found.shape == (3, length) and found.max() < count
        if count > length:
            assert (np.diff(found) == 1).all()
            assert all(row[0] in part for row, part in zip(found, thirds(count, length), strict=True))
        else:
            whole = length // count * count if fill == "pad" else length
            assert (found[:, :whole] == np.arange(whole) % count).all() and (found[:, whole:] == -1).all()


@given(st.integers(2, 500), st.integers(1, 400))
def test_thirds_cover_all_places_once(count, length):
    if count <= length:
        count, length = length + 1, count
    places = count - length + 1
    parts = thirds(count, length)
    assert [place for part in parts for place in part][:places] == list(range(places))
    sizes = [len(part) for part in parts]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] - sizes[2] <= 1


def test_windows_are_the_middle_of_each_third_without_a_generator():
    assert starts(130, 100, None) == (5, 15, 25) and starts(100, 100, None) == (0, 0, 0)
    drawn = {starts(130, 100, np.random.default_rng(seed)) for seed in range(40)}
    assert len(drawn) > 30


def test_a_long_sound_is_heard_in_its_windows_alone():
    waves = noise(1.0)
    found = SMALL(waves, RATE)
    heard = torch.from_numpy(waves[0] - waves.mean())
    bands = log_mel(heard.unfold(0, WINDOW, HOP), 20)
    for channel, start in enumerate(starts(98, 30, None)):
        expected = (bands[start : start + 30].T - SMALL.mean) / (2 * SMALL.std)
        torch.testing.assert_close(found[channel], expected, rtol=0, atol=1e-4)
    assert torch.equal(found, SMALL(waves, RATE))
    drawn = SMALL(waves, RATE, np.random.default_rng(1))
    assert torch.equal(drawn, SMALL(waves, RATE, np.random.default_rng(1))) and not torch.equal(drawn, found)


def test_a_short_sound_is_repeated_or_padded_with_the_mean():
    waves = noise((WINDOW + 11 * HOP) / RATE)
    tiled, padded = SMALL(waves, RATE), AudioTransform(20, 30, fill="pad")(waves, RATE)
    assert torch.equal(tiled[0, :, 12:24], tiled[0, :, :12]) and torch.equal(tiled[0, :, 24:], tiled[0, :, :6])
    assert torch.equal(padded[:, :, :24], tiled[:, :, :24]) and not padded[:, :, 24:].any()
    assert torch.equal(tiled[0], tiled[1]) and torch.equal(tiled[0], tiled[2])


def test_the_first_channel_is_heard():
    waves = noise(0.5, channels=2)
    silent = np.stack([waves[0] - waves[0].mean(), np.zeros_like(waves[0])])
    torch.testing.assert_close(SMALL(silent, RATE), SMALL(silent[:1], RATE), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("waves", "rate", "error_class", "message"),
    [
        (np.zeros((1, 0)), RATE, "TooShort", "0 samples"),
        (np.zeros((1, WINDOW - 1)), RATE, "TooShort", "399 samples at 16000 Hz; 400 make a frame"),
        (np.full((1, 9000), np.nan), RATE, "NotFinite", "no numbers"),
        (np.full((1, 9000), np.inf), RATE, "NotFinite", "no numbers"),
        (np.zeros((1, 9000)), 1, "Unsupported", "a sound of 1 Hz"),
        (np.zeros((1, 9000)), 0, "Unsupported", "a sound of 0 Hz"),
        (np.zeros((1, 9000)), 10**9, "Unsupported", "1000 to 384000 Hz are read"),
    ],
)
def test_what_cannot_be_heard_is_said(waves, rate, error_class, message):
    with pytest.raises(SampleError, match=message) as refusal:
        SMALL(waves, rate)
    assert refusal.value.error_class == error_class
