from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.attempt import Retry
from vidal.engine.isolation import prepared
from vidal.engine.step import Sample
from vidal.filter.quality import Quality, picture_scores, silence_share
from vidal.media.images import encode_jpeg
from vidal.media.sound import encode_flac

RATE = 16000
WINDOW = 800
"""50 ms at 16 kHz."""
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)


def grey(level, height=256, width=256):
    return np.full((height, width, 3), level, np.uint8)


def clip(*levels, flac=None):
    """A video sample of plain grey keyframes, which JPEG keeps exactly, and perhaps a sound."""
    members = {f"frm{number}.jpg": encode_jpeg(grey(level)) for number, level in enumerate(levels)}
    if flac is not None:
        members["flac"] = encode_flac(np.asarray(flac, np.float32), RATE)
    return Sample("c", "video", members=members)


def scores(scored, sample):
    return scored(Quality(), [sample])[sample.id]


def test_a_still_clip_has_no_motion(scored):
    found = scores(scored, clip(102, 102, 102))
    assert found["motion"] == 0.0 and found["brightness"] == pytest.approx(0.4, abs=1e-6)


def test_motion_is_the_largest_change_between_neighbours(scored):
    found = scores(scored, clip(0, 51, 204, 153))
    assert found["motion"] == pytest.approx(153 / 255, abs=1e-6)
    assert found["brightness"] == pytest.approx((0 + 51 + 204 + 153) / 4 / 255, abs=1e-6)


def test_black_and_white_are_the_ends_of_brightness(scored):
    assert scores(scored, clip(0, 0))["brightness"] == 0.0
    assert scores(scored, clip(255, 255))["brightness"] == pytest.approx(1.0, abs=1e-6)


def test_keyframes_are_taken_in_their_order(scored):
    members = {
        name: encode_jpeg(grey(level)) for name, level in (("frm2.jpg", 200), ("frm0.jpg", 0), ("frm1.jpg", 100))
    }
    assert scores(scored, Sample("c", "video", members=members))["motion"] == pytest.approx(100 / 255, abs=1e-6)


@pytest.mark.parametrize(("share", "motion"), [(1.0, 1.0), (0.5, 0.5), (0.25, 0.25)])
def test_a_small_thing_counts_by_its_cell(share, motion):
    first = grey(0, 256, 352)
    second = first.copy()
    second[32 : 32 + int(16 * share), 44:66] = 255
    found = picture_scores([first, second])
    assert found["motion"] == pytest.approx(motion, abs=1e-6)
    assert found["brightness"] == pytest.approx(16 * share * 22 / (256 * 352) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("colour", "luma"), [((255, 0, 0), 0.299), ((0, 255, 0), 0.587), ((0, 0, 255), 0.114), ((255, 255, 0), 0.886)]
)
def test_luma_weighs_the_colours(colour, luma):
    found = picture_scores([np.full((32, 32, 3), colour, np.uint8), grey(0, 32, 32)])
    assert found["motion"] == pytest.approx(luma, abs=1e-6) and found["brightness"] == pytest.approx(luma / 2, abs=1e-6)


def test_one_keyframe_is_a_clip_that_does_not_move(scored):
    found = scores(scored, clip(51))
    assert found["motion"] == 0.0 and found["brightness"] == pytest.approx(0.2, abs=1e-6)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255), st.integers(0, 255))
def test_pictures_of_any_size_have_the_motion_of_their_change(height, width, before, after):
    found = picture_scores([grey(before, height, width), grey(after, height, width)])
    assert found["motion"] == pytest.approx(abs(after - before) / 255, abs=1e-5)
    assert found["brightness"] == pytest.approx((before + after) / 2 / 255, abs=1e-5)


def test_a_silent_sound_is_silent_and_a_tone_is_not(scored):
    assert scores(scored, clip(0, flac=np.zeros(RATE)))["silence"] == 1.0
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert scores(scored, clip(0, flac=tone))["silence"] == 0.0


def test_silence_is_the_share_of_silent_windows(scored):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(5 * WINDOW) / RATE)
    assert scores(scored, clip(0, flac=np.concatenate([tone, np.zeros(15 * WINDOW)])))["silence"] == 0.75


@pytest.mark.parametrize(("dbfs", "silence"), [(-58.0, 0.0), (-59.5, 0.0), (-60.5, 1.0), (-70.0, 1.0)])
def test_the_threshold_is_sixty_decibels_below_full_scale(scored, dbfs, silence):
    square = 10 ** (dbfs / 20) * np.where(np.arange(RATE) % 2, 1.0, -1.0)
    assert scores(scored, clip(0, flac=square))["silence"] == silence


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, WINDOW - 1))
def test_a_tail_shorter_than_a_window_is_left_out(loud, tail):
    wave = np.concatenate([np.full(WINDOW, 0.1 * on, np.float32) for on in loud] + [np.full(tail, 0.1, np.float32)])
    assert silence_share(wave, RATE) == pytest.approx(loud.count(False) / len(loud))


@pytest.mark.parametrize(("length", "level", "silence"), [(0, 0.0, 1.0), (1, 0.0, 1.0), (WINDOW - 1, 0.5, 0.0)])
def test_a_sound_shorter_than_a_window_is_judged_whole(length, level, silence):
    assert silence_share(np.full(length, level, np.float32), RATE) == silence


def test_what_is_not_there_has_no_score(scored):
    assert scores(scored, clip(10, 10))["silence"] is None
    heard = scores(scored, clip(flac=np.zeros(RATE)))
    assert heard == {"motion": None, "brightness": None, "silence": 1.0}
    assert scores(scored, Sample("n", "video")) == {"motion": None, "brightness": None, "silence": None}


def test_no_company_changes_a_score(scored):
    def batch():
        rng = np.random.default_rng(4)
        made = []
        for number in range(5):
            one = clip(*rng.integers(0, 255, 3), flac=rng.normal(0, 1e-3, RATE) if number % 2 else None)
            one.id = f"c{number}"
            made.append(one)
        return made

    together = scored(Quality(), batch())
    assert scored(Quality(), batch()[::-1]) == together
    assert {one.id: scored(Quality(), [one])[one.id] for one in batch()} == together
    assert all(math.isfinite(found["motion"]) for found in together.values())


@pytest.mark.parametrize(
    ("members", "error_class"),
    [
        ({"frm0.jpg": b"GIF89a no jpeg"}, "NotMedia"),
        ({"frm0.jpg": encode_jpeg(grey(9))[:400]}, "DecodeFailed"),
        ({"flac": b"RIFF no flac, but long enough"}, "NotMedia"),
        ({"flac": encode_flac(NOISE, RATE)[:20000]}, "DecodeFailed"),
    ],
)
def test_broken_members_fail_their_sample_and_have_no_score(members, error_class):
    (result,) = prepared(Quality(), [Sample("b", "video", members=members)], Retry(attempts=1))
    assert (result.status, result.failure.error_class, result.columns) == ("failed", error_class, {})
