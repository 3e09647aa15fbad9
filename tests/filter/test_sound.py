from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.demo.clips import write_sound
from vidal.engine.attempt import Retry
from vidal.engine.isolation import prepared
from vidal.engine.step import Sample
from vidal.filter.sound import Sound, clipped_share, silence_share
from vidal.media.sound import encode_flac

RATE = 16000
WINDOW = 800
"""50 ms at 16 kHz."""
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)


def sound(wave, kind="audio"):
    return Sample("s", kind, members={"flac": encode_flac(np.asarray(wave, np.float32), RATE)})


def scores(scored, sample):
    return scored(Sound(), [sample])[sample.id]


def sine(seconds, dbfs, hertz=997.0, rate=RATE):
    return (10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def test_a_silent_sound_is_silent_and_a_tone_is_not(scored):
    assert scores(scored, sound(np.zeros(RATE)))["silence"] == 1.0
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert scores(scored, sound(tone))["silence"] == 0.0


def test_silence_is_the_share_of_silent_windows(scored):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(5 * WINDOW) / RATE)
    assert scores(scored, sound(np.concatenate([tone, np.zeros(15 * WINDOW)])))["silence"] == 0.75


@pytest.mark.parametrize(("dbfs", "silence"), [(-58.0, 0.0), (-59.5, 0.0), (-60.5, 1.0), (-70.0, 1.0)])
def test_the_threshold_is_sixty_decibels_below_full_scale(scored, dbfs, silence):
    square = 10 ** (dbfs / 20) * np.where(np.arange(RATE) % 2, 1.0, -1.0)
    assert scores(scored, sound(square))["silence"] == silence


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, WINDOW - 1))
def test_a_tail_shorter_than_a_window_is_left_out(loud, tail):
    wave = np.concatenate([np.full(WINDOW, 0.1 * on, np.float32) for on in loud] + [np.full(tail, 0.1, np.float32)])
    assert silence_share(wave, RATE) == pytest.approx(loud.count(False) / len(loud))


@pytest.mark.parametrize(("length", "level", "silence"), [(0, 0.0, 1.0), (1, 0.0, 1.0), (WINDOW - 1, 0.5, 0.0)])
def test_a_sound_shorter_than_a_window_is_judged_whole(length, level, silence):
    assert silence_share(np.full(length, level, np.float32), RATE) == silence


def test_what_is_not_there_has_no_score(scored):
    assert scores(scored, Sample("n", "video")) == dict.fromkeys(Sound.columns)
    empty = scores(scored, sound([]))
    assert empty == {"silence": 1.0, "clipping": 0.0, "loudness": None, "sound_seconds": 0.0}


def test_a_sound_has_its_length(scored):
    assert scores(scored, sound(NOISE[:4000], "video"))["sound_seconds"] == 0.25


def test_loudness_is_null_for_what_is_silent_or_too_short(scored):
    assert scores(scored, sound(sine(1, -23)))["loudness"] == pytest.approx(-26.0, abs=0.1)
    for wave in (np.zeros(RATE), NOISE[:1], NOISE[: RATE // 3]):
        found = scores(scored, sound(wave))
        assert found["loudness"] is None and found["sound_seconds"] == pytest.approx(len(wave) / RATE)


def test_a_clean_sound_does_not_clip_and_an_overdriven_one_does(scored):
    tone = sine(1, -1.0, 440)
    assert scores(scored, sound(tone))["clipping"] == 0.0
    assert scores(scored, sound(np.clip(4 * tone, -1, 1)))["clipping"] > 0.5


@pytest.mark.parametrize(
    ("wave", "share"),
    [
        ([0.96, -0.96, 0.96, 0], 0.75), ([0, 0.96, 0.96, 0.96], 0.75), ([0.96, 0.96, 0, 0.96], 0), ([0.94] * 5, 0),
        ([0.96] * 5, 1), ([1, 0.5, -1, 0.5], 0.5), ([32767 / 32768, 0], 0.5), ([0.999, 0.999, 0], 0), ([], 0),
        ([0.96, 1, 0.96, 0, 1, 0, 0.96, 0.96], 0.5),
    ],
)  # fmt: skip
def test_clipping_counts_what_is_at_full_scale_and_runs_near_it(wave, share):
    assert clipped_share(np.asarray(wave, np.float32)) == pytest.approx(share)


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_what_was_clipped_shows_after_lossy_coding_and_resampling(tmp_path, suffix):
    import av

    def heard(wave):
        write_sound(tmp_path / f"s{suffix}", wave, 48000)
        with av.open(str(tmp_path / f"s{suffix}")) as source:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            frames = [out.to_ndarray()[0] for frame in source.decode(audio=0) for out in resampler.resample(frame)]
        return clipped_share(np.clip(np.concatenate(frames), -1, 1))

    for hertz, least in ((330, 0.2), (4100, 0.05)):
        voice = sine(2, -6, hertz, 48000) * (0.6 + 0.4 * sine(2, 0, 3, 48000))
        assert heard(voice) == 0.0 and heard(np.clip(8 * voice, -1, 1)) > least


def test_no_company_changes_a_score(scored):
    def batch():
        waves = [NOISE, sine(0.3, -20), np.zeros(900), sine(1, -3), NOISE[:5]]
        return [Sample(f"s{n}", "audio", members=sound(wave).members) for n, wave in enumerate(waves)]

    together = scored(Sound(), batch())
    assert scored(Sound(), batch()[::-1]) == together
    assert {one.id: scored(Sound(), [one])[one.id] for one in batch()} == together
    assert all(math.isfinite(found["silence"]) for found in together.values())


@pytest.mark.parametrize(
    ("flac", "error_class"),
    [(b"RIFF no flac, but long enough", "NotMedia"), (encode_flac(NOISE, RATE)[:20000], "DecodeFailed")],
)
def test_a_broken_sound_fails_its_sample_and_has_no_score(flac, error_class):
    (result,) = prepared(Sound(), [Sample("b", "audio", members={"flac": flac})], Retry(attempts=1))
    assert (result.status, result.failure.error_class, result.columns) == ("failed", error_class, {})
