from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.attempt import Retry
from vidal.engine.isolation import prepared
from vidal.engine.step import Sample
from vidal.filter.quality import CUT, Quality, colour_changes, likeness, sharpness
from vidal.filter.quality import scores as quality
from vidal.media.images import decode_image, encode_jpeg


def grey(level, height=256, width=256):
    return np.full((height, width, 3), level, np.uint8)


def clip(*levels):
    """A video sample of plain grey keyframes, which JPEG keeps exactly."""
    return Sample("c", "video", members={f"frm{n}.jpg": encode_jpeg(grey(level)) for n, level in enumerate(levels)})


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
    found = quality([first, second])
    assert found["motion"] == pytest.approx(motion, abs=1e-6)
    assert found["brightness"] == pytest.approx(16 * share * 22 / (256 * 352) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("colour", "luma"), [((255, 0, 0), 0.299), ((0, 255, 0), 0.587), ((0, 0, 255), 0.114), ((255, 255, 0), 0.886)]
)
def test_luma_weighs_the_colours(colour, luma):
    found = quality([np.full((32, 32, 3), colour, np.uint8), grey(0, 32, 32)])
    assert found["motion"] == pytest.approx(luma, abs=1e-6) and found["brightness"] == pytest.approx(luma / 2, abs=1e-6)


def test_one_keyframe_is_a_clip_that_does_not_move(scored):
    found = scores(scored, clip(51))
    assert found["motion"] == 0.0 and found["brightness"] == pytest.approx(0.2, abs=1e-6)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255), st.integers(0, 255))
def test_pictures_of_any_size_have_the_motion_of_their_change(height, width, before, after):
    found = quality([grey(before, height, width), grey(after, height, width)])
    assert found["motion"] == pytest.approx(abs(after - before) / 255, abs=1e-5)
    assert found["brightness"] == pytest.approx((before + after) / 2 / 255, abs=1e-5)


@pytest.mark.parametrize("level", [0, 20, 90, 255])
def test_pictures_of_one_colour_are_blank_and_have_no_sharpness(scored, level):
    found = scores(scored, clip(level, level))
    assert (found["black_share"], found["sharpness"]) == (1.0, None)


def textured(seed, height=128, width=160, size=4):
    """Squares of drawn colours."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // size, width // size, 3), np.uint8)
    return np.kron(small, np.ones((size, size, 1), np.uint8))


def test_black_pictures_are_blank_though_a_few_pixels_are_not():
    black = grey(10, 100, 100)
    black[:14, :14] = 255
    assert quality([black])["black_share"] == 1.0
    black[:15, :15] = 255
    assert quality([black])["black_share"] == 0.0
    dark = (textured(1) * 0.09).astype(np.uint8)
    assert quality([dark, textured(1), textured(1), textured(1)])["black_share"] == 0.25


@pytest.mark.parametrize("size", [(128, 160), (256, 320), (320, 256)])
def test_blurring_takes_sharpness_away(size):
    from PIL import Image, ImageFilter

    frame = textured(2, *size, size=8)
    blurred = [Image.fromarray(frame).filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 2, 4, 8)]
    found = [quality([np.asarray(one)])["sharpness"] for one in blurred]
    assert found == sorted(found, reverse=True) and found[0] > 0.75 and found[1] < 0.6 and found[2] < 0.45


def test_sharpness_is_that_of_the_axis_that_is_blurred_more():
    stripes = np.zeros((96, 96), np.float32)
    stripes[:, ::8] = 1
    ramp = np.linspace(0, 1, 96, dtype=np.float32)[:, None]
    assert sharpness(stripes + ramp) < 0.2 < 0.7 < sharpness(stripes + stripes.T)


def test_sharpness_is_that_of_the_middle_keyframe_that_shows_something():
    from PIL import Image, ImageFilter

    sharp = textured(3)
    soft = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(5)))
    alone = {name: quality([one])["sharpness"] for name, one in (("sharp", sharp), ("soft", soft))}
    assert quality([soft, sharp, sharp, grey(0, 128, 160)])["sharpness"] == pytest.approx(alone["sharp"])
    assert quality([soft, sharp, soft])["sharpness"] == pytest.approx(alone["soft"])


def test_what_is_shown_twice_is_still():
    a, b = textured(4), textured(5)
    assert quality([a, a, a, b, b])["still_share"] == 0.75
    assert quality([a, b])["still_share"] == 0.0 and quality([a])["still_share"] is None
    smooth = textured(4, size=32)
    recoded = [decode_image(encode_jpeg(smooth, level)) for level in (95, 75, 60)]
    assert quality([smooth, *recoded])["still_share"] == 1.0


def test_a_cut_is_told_from_motion():
    one, other = textured(6, size=16), textured(7, size=16)
    moved = [np.roll(one, 13 * step, axis=1) for step in range(4)]
    found = quality(moved)
    assert found["shots"] == 1 and found["motion"] > 0.2
    assert quality([one, one, other, other, one])["shots"] == 3
    lighter = np.clip(one.astype(int) + 4, 0, 255).astype(np.uint8)
    assert quality([one, lighter])["shots"] == 1 and quality([one])["shots"] == 1


LIGHTS = {
    "dimmed": lambda values: values * 0.3,
    "lit up": lambda values: values * 1.2,
    "lifted": lambda values: values + 40,
    "gamma": lambda values: 255 * (values / 255) ** 1.6,
}


@pytest.mark.parametrize("light", LIGHTS)
def test_a_change_of_light_is_no_cut(light):
    one = textured(8, size=16)
    relit = np.clip(LIGHTS[light](one.astype(float)), 0, 255).astype(np.uint8)
    assert colour_changes([one, relit])[0] > CUT
    assert quality([one, relit, one])["shots"] == 1
    assert quality([one, np.rot90(relit, 2)])["shots"] == 2


def test_what_begins_out_of_black_or_one_colour_is_a_shot_of_its_own():
    shown = textured(9, size=16)
    black, white = grey(0, 128, 160), grey(255, 128, 160)
    assert quality([black, black, shown, shown])["shots"] == 2 and quality([black, white])["shots"] == 2
    assert likeness(black, shown) == 0.0 and likeness(shown, shown) == pytest.approx(1)
    assert abs(likeness(shown, textured(10, size=16))) < 0.3 and likeness(shown, 255 - shown) == pytest.approx(-1)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (16, 16), (17, 31), (1, 40)])
def test_small_pictures_have_all_their_scores(height, width):
    rng = np.random.default_rng(11)
    found = quality(list(rng.integers(0, 256, (3, height, width, 3), np.uint8)))
    assert found["still_share"] == 0 and found["shots"] >= 1
    assert (found["sharpness"] is None) == (found["black_share"] == 1.0)


def test_a_picture_without_colour_is_scored_as_one_with_equal_colours(scored):
    import io

    from PIL import Image

    shown = textured(12)[..., 0]
    file = io.BytesIO()
    Image.fromarray(shown, "L").save(file, "JPEG", quality=95)
    found = scores(scored, Sample("g", "video", members={"frm0.jpg": file.getvalue()}))
    expected = quality([np.stack([shown] * 3, -1)])
    assert found["brightness"] == pytest.approx(expected["brightness"], abs=0.01)
    assert found["sharpness"] == pytest.approx(expected["sharpness"], abs=0.05)


def test_no_company_changes_a_score(scored):
    def batch():
        rng = np.random.default_rng(4)
        made = []
        for number in range(5):
            one = clip(*rng.integers(0, 255, 3))
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
    ],
)
def test_broken_members_fail_their_sample_and_have_no_score(members, error_class):
    (result,) = prepared(Quality(), [Sample("b", "video", members=members)], Retry(attempts=1))
    assert (result.status, result.failure.error_class, result.columns) == ("failed", error_class, {})
