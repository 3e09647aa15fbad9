from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.demo.language import caption
from vidal.demo.scene import (
    BACKGROUNDS,
    COLOURS,
    COMBINATIONS,
    MOTIONS,
    RADII,
    SHAPES,
    SIZES,
    SOUNDS,
    scene,
)


@given(seed=st.integers(0, 2**31), index=st.integers(0, 10**6))
def test_a_scene_is_a_function_of_seed_and_index_and_within_its_ranges(seed, index):
    made = scene(seed, index)
    assert made == scene(seed, index)
    assert made.shape in SHAPES and made.colour in COLOURS and made.size in SIZES
    assert made.motion in MOTIONS and made.background in BACKGROUNDS and made.sound in SOUNDS
    assert 240 <= min(made.width, made.height) <= 480
    assert made.width % 2 == 0 and made.height % 2 == 0
    assert 8 <= made.fps <= 30 and 2.0 <= made.seconds <= 12.0
    assert 1200 <= made.object_mm < made.background_mm <= 9500
    assert RADII[made.size][0] <= made.radius <= RADII[made.size][1]


@pytest.mark.parametrize("seed", [0, 1, 77])
def test_the_scenes_of_a_world_say_different_things(seed):
    assert len({caption(scene(seed, index)) for index in range(COMBINATIONS)}) == COMBINATIONS


def test_a_world_holds_both_orientations_and_all_rates_and_sounds():
    scenes = [scene(0, index) for index in range(300)]
    assert {s.width > s.height for s in scenes} == {True, False}
    assert {s.fps for s in scenes} == {8, 10, 12, 15, 24, 30}
    assert {s.sound for s in scenes} == set(SOUNDS)
    assert max(s.seconds for s in scenes) > 8
    assert sum(s.seconds <= 5 for s in scenes) > 250


def test_worlds_differ():
    assert [scene(0, i) for i in range(20)] != [scene(1, i) for i in range(20)]


def test_negative_numbers_are_refused():
    with pytest.raises(ValueError, match="negative"):
        scene(0, -1)
