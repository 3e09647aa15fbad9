"""Sounds as FLAC: they return within half a step of 16 bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.media.sound import decode_audio, encode_flac, flac_seconds


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9000), st.sampled_from([8000, 16000, 48000]), st.integers(0, 2**32 - 1))
def test_sound_returns(length, rate, seed):
    samples = np.random.default_rng(seed).uniform(-0.99, 0.99, length).astype(np.float32)
    data = encode_flac(samples, rate)
    returned, returned_rate = decode_audio(data)
    assert returned_rate == rate
    assert returned.dtype == np.float32 and returned.shape == (length,)
    assert np.abs(returned - samples).max(initial=0) <= 0.51 / 32768
    assert flac_seconds(data) == length / rate
    assert encode_flac(samples, rate) == data


def test_beyond_full_scale_is_clipped():
    returned, _ = decode_audio(encode_flac(np.array([2.0, -2.0] * 500), 16000))
    assert returned.max() == pytest.approx(1, abs=1e-4)
    assert returned.min() == -1


def test_hostile_sounds_are_named(refused):
    whole = encode_flac(np.random.default_rng(0).uniform(-1, 1, 30000), 16000)
    refused("NotMedia", decode_audio, b"")
    refused("NotMedia", decode_audio, b"<html></html>" * 50)
    refused("DecodeFailed", decode_audio, whole[: len(whole) * 2 // 3])
    stated = (int.from_bytes(whole[18:26], "big") + 1000).to_bytes(8, "big")
    assert "30000" in refused("Truncated", decode_audio, whole[:18] + stated + whole[26:])
    refused("DecodeFailed", decode_audio, whole[:42])
