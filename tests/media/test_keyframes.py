"""Which pictures become keyframes, and how large they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vidal.media.normalise import keyframe_indices, picture_size


@given(st.integers(1, 100_000), st.integers(1, 16), st.sampled_from(["linspace", "left-edge"]))
def test_indices_are_ordered_and_inside(count, frames, mode):
    index = keyframe_indices(count, frames, mode)
    assert len(index) == frames
    assert index == sorted(index)
    assert index[0] == 0 and index[-1] < count
    if count >= frames:
        assert len(set(index)) == frames


@given(st.integers(8, 100_000))
def test_modes_are_as_defined(count):
    assert keyframe_indices(count, 8, "linspace")[-1] == count - 1
    assert keyframe_indices(count, 8, "left-edge") == [i * (count // 8) for i in range(8)]


def test_few_pictures_repeat():
    assert keyframe_indices(1, 8, "linspace") == [0] * 8
    assert keyframe_indices(5, 8, "linspace") == [0, 1, 1, 2, 2, 3, 3, 4]
    assert keyframe_indices(5, 8, "left-edge") == [0, 1, 2, 3, 4, 4, 4, 4]


@given(st.integers(16, 4000), st.integers(16, 4000))
def test_short_side_is_exact_and_long_side_even(width, height):
    wide, high = picture_size(width, height, 256)
    assert min(wide, high) == 256
    assert wide % 2 == high % 2 == 0
    assert (wide >= high) == (width >= height)
    assert abs(max(wide, high) - 256 * max(width, height) / min(width, height)) <= 1
