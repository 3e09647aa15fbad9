from __future__ import annotations

import numpy as np
import pytest

from vidal.media.loudness import loudness

RATE = 16000
ONE_CHANNEL = -3.01
"""What a sound is softer in one channel than in both, in LU: 10 log10 of 1/2."""


def tone(*parts, hertz=1000.0, rate=RATE):
    """A sine of several (seconds, dBFS of its peak), one after the other."""
    waves = [10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * np.arange(round(s * rate)) / rate) for s, dbfs in parts]
    return np.concatenate(waves).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_a_sine_at_full_scale_is_as_loud_as_the_standard_says(rate):
    """ITU-R BS.1770-4, annex 1: 997 Hz at 0 dBFS in one channel is -3.01 LKFS."""
    assert loudness(tone((5, 0.0), hertz=997, rate=rate), rate) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "stereo"),
    [
        ([(20, -23)], -23.0),
        ([(20, -33)], -33.0),
        ([(10, -36), (60, -23), (10, -36)], -23.0),
        ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23.0),
        ([(20, -26), (20.1, -20), (20, -26)], -23.0),
    ],
)
def test_the_first_cases_of_ebu_tech_3341(parts, stereo):
    """Cases 1 to 5 of its table 1, 0.1 LU exact, are of stereo sines; ours is one channel of them."""
    assert loudness(tone(*parts), RATE) == pytest.approx(stereo + ONE_CHANNEL, abs=0.1)


@pytest.mark.parametrize("length", [0, 1, 100, 6399])
def test_what_is_shorter_than_a_block_has_no_loudness(length):
    assert loudness(tone((1, -23))[:length], RATE) is None
    assert loudness(tone((1, -23))[:6400], RATE) is not None


def test_what_is_silent_has_no_loudness():
    assert loudness(np.zeros(RATE, np.float32), RATE) is None
    assert loudness(tone((2, -75)), RATE) is None and loudness(tone((2, -60)), RATE) == pytest.approx(-63.01, abs=0.1)


def test_low_tones_count_for_less():
    """The high-pass of BS.1770 is for what ears hear little of."""
    low, high = (loudness(tone((2, -20), hertz=hertz), RATE) for hertz in (30, 1000))
    assert low < high - 5
