"""Hashes of real pictures: what leaves them as they are, what changes them, and their mirror."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.filter.conftest import SEED, sample_of
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.filter.duplicates.perceptual import LEAST_BITS, distances
from vidal.filter.hashes import BYTES, FRAME_HASH, FrameHashes, frame_hash, mirrored


def picture(number=0, scale=256):
    return render(scene(SEED, number), 0.5, scale).rgb


def hashed(*pictures):
    return np.frombuffer(b"".join(frame_hash(one) for one in pictures), np.uint8).reshape(-1, BYTES)


def apart(one, other):
    return float(distances(hashed(one), hashed(other))[0, 0])


def as_jpeg(rgb, quality):
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


@pytest.mark.parametrize(
    "changed",
    [
        lambda rgb: as_jpeg(rgb, 30),
        lambda rgb: np.asarray(Image.fromarray(rgb).resize((rgb.shape[1] // 2, rgb.shape[0] // 2))),
        lambda rgb: (rgb * 0.9 + 10).astype(np.uint8),
        lambda rgb: rgb[6:-6, 6:-6],
    ],
    ids=["JPEG", "half the size", "duller", "cropped"],
)
@pytest.mark.parametrize("number", range(4))
def test_a_picture_stays_near_to_itself_and_far_from_others(number, changed):
    itself = apart(picture(number), changed(picture(number)))
    others = [apart(picture(number), picture(other)) for other in range(12) if other != number]
    assert itself < 0.3 and itself < min(others) / 1.5


def test_the_same_picture_has_the_same_hash():
    assert frame_hash(picture()) == frame_hash(picture().copy()) and len(frame_hash(picture())) == BYTES


def test_one_hash_differs_from_another_by_what_either_tells():
    hashes = np.zeros((3, BYTES), np.uint8)
    hashes[1, 0], hashes[2, 0] = 0b1100, 0b0110
    assert distances(hashes, hashes).tolist() == [[0, 1, 1], [1, 0, 2 / 3], [1, 2 / 3, 0]]


@pytest.mark.parametrize("number", range(6))
def test_the_hash_of_a_mirrored_picture_is_nearly_the_mirrored_hash(number):
    rgb = picture(number)
    turned = distances(mirrored(hashed(rgb)), hashed(rgb[:, ::-1]))[0, 0]
    assert turned < 0.05


@given(st.binary(min_size=BYTES, max_size=BYTES))
def test_mirroring_twice_changes_nothing_and_once_keeps_the_count_of_bits(content):
    hashes = np.frombuffer(content, np.uint8)[None]
    assert (mirrored(mirrored(hashes)) == hashes).all()
    assert np.bitwise_count(mirrored(hashes)).sum() == np.bitwise_count(hashes).sum()


def test_a_picture_that_shows_nothing_has_no_bits_but_those_of_noise():
    rng = np.random.default_rng(0)
    noise = np.clip(90 + 3 * rng.standard_normal((144, 256, 3)), 0, 255).astype(np.uint8)
    assert np.bitwise_count(hashed(np.zeros((144, 256, 3), np.uint8))).sum() == 0
    assert np.bitwise_count(hashed(as_jpeg(noise, 90))).sum() < LEAST_BITS
    assert np.bitwise_count(hashed(picture())).sum() > LEAST_BITS


@pytest.mark.parametrize("turn", [lambda rgb: rgb, lambda rgb: rgb.transpose(1, 0, 2)], ids=["columns", "rows"])
@pytest.mark.parametrize("colours", [((90, 90, 90), (150, 150, 150)), ((90, 60, 40), (40, 60, 120))])
def test_stripes_of_light_or_colour_are_seen_both_ways(turn, colours):
    stripes = np.array(colours, np.uint8)[np.arange(180) // 20 % 2][None].repeat(180, axis=0)
    assert apart(turn(stripes), np.zeros((180, 180, 3), np.uint8)) == 1
    assert np.bitwise_count(hashed(turn(stripes))).sum() > 200


def test_the_step_hashes_keyframes_in_their_order(truths, scored):
    step = FrameHashes()
    sample = sample_of(truths[0], frames=3, sound=False)
    found = scored(step, [sample])[sample.id]["frame_hashes"]
    assert found == [frame_hash(np.asarray(Image.open(io.BytesIO(sample.members[f"frm{n}.jpg"])))) for n in range(3)]
    assert pa.array([found], step.columns["frame_hashes"]).type.value_type == FRAME_HASH
    assert set(step.unpublished) == set(step.columns)
