from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.demo.render import RGB, outline, picture_size, pose_at, render
from vidal.demo.scene import FLOOR, HORIZON, MOTIONS, SHAPES, scene


@given(index=st.integers(0, 3000), when=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_every_instant_has_its_picture_depth_and_temperature(index, when):
    shown = scene(0, index)
    picture = render(shown, when * shown.seconds, 96)
    height, width = picture_size(shown, 96)
    assert min(height, width) == 96
    assert picture.rgb.shape == (height, width, 3) and picture.rgb.dtype == np.uint8
    assert picture.depth_mm.shape == (height, width) and picture.depth_mm.dtype == np.uint16
    assert picture.celsius.shape == (height, width) and picture.celsius.dtype == np.float32
    assert picture.depth_mm.min() >= 500 and picture.depth_mm.max() == shown.background_mm
    assert picture.celsius.min() > -20 and picture.celsius.max() < 70


BOUNCING_OVER = 0.04
"""How far the largest and farthest objects jump over the square's upper border, in short sides."""


@given(index=st.integers(0, 3000), when=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_the_object_is_inside_the_central_square_with_its_depth_colour_and_warmth(index, when):
    shown = replace(scene(0, index), width=256, height=256, light=1.0)
    picture = render(shown, when * shown.seconds)
    pose = pose_at(shown, when * shown.seconds)
    assert abs(pose.u) + shown.radius <= 0.5 and pose.v + shown.radius <= 0.5
    assert pose.v - shown.radius >= -0.5 - BOUNCING_OVER
    ring_hole = shown.shape == "ring"
    u, v = pose.u + (0.75 * shown.radius if ring_hole else 0.0), pose.v
    row, column = int(128 + 256 * v), int(128 + 256 * u)
    assert picture.depth_mm[row, column] == shown.object_mm
    difference = picture.rgb[row, column].astype(float) - RGB[shown.colour]
    assert np.abs(difference).max() < 60
    away = abs(shown.object_celsius - shown.background_celsius)
    assert abs(picture.celsius[row, column] - shown.object_celsius) <= 0.25 * away + 1e-3


def test_floor_depth_follows_from_the_row_alone():
    shown = replace(scene(0, 0), width=200, height=300)
    depth = render(shown, 0.0).depth_mm
    for row in (250, 299):
        v = (row + 0.5 - 150) / 200
        assert (depth[row] == depth[row, 0]).all()
        assert depth[row, 0] == round(FLOOR / (v - HORIZON))


def test_the_same_world_at_another_resolution():
    shown = replace(scene(0, 5), width=320, height=240)
    large, small = render(shown, 1.0).depth_mm, render(shown, 1.0, 120).depth_mm
    pooled = large[::2, ::2].astype(float)
    assert small.shape == (120, 160)
    assert np.mean(np.abs(pooled - small) / small < 0.05) > 0.97


def test_rendering_repeats_and_leaves_no_trace_of_earlier_instants():
    shown = scene(0, 4)
    first = render(shown, 0.5, 64)
    render(shown, 1.5, 64)
    again = render(shown, 0.5, 64)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("motion", MOTIONS)
def test_objects_move_as_the_caption_says(motion):
    shown = next(s for s in map(lambda i: scene(0, i), range(100)) if s.motion == motion)
    poses = [pose_at(shown, shown.seconds * k / 40) for k in range(41)]
    across = [pose.u for pose in poses]
    assert len({(round(p.u, 3), round(p.v, 3)) for p in poses}) > 5
    if motion == "left":
        assert max(across) <= -0.09
    elif motion == "right":
        assert min(across) >= 0.09
    elif motion == "bounce":
        assert set(across) == {0.0}
        assert all(pose.v + shown.radius <= pose.shadow + 1e-9 for pose in poses)
    else:
        assert all(pose.v < HORIZON for pose in poses)


@pytest.mark.parametrize("shape", SHAPES)
def test_outlines_lie_within_the_unit_circle_and_cover_something(shape):
    y, x = np.mgrid[-1.5:1.5:301j, -1.5:1.5:301j]
    inside = outline(shape, x, y) < 0
    assert np.hypot(x, y)[inside].max() <= 1.17
    assert inside.sum() * 1e-4 > 0.5


def test_shapes_differ_in_outline():
    y, x = np.mgrid[-1:1:101j, -1:1:101j]
    masks = {shape: (outline(shape, x, y) < 0).tobytes() for shape in SHAPES}
    assert len(set(masks.values())) == len(SHAPES)


def test_an_instant_outside_the_clip_is_refused():
    with pytest.raises(ValueError, match="must lie in"):
        render(scene(0, 0), 1000.0)


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match="blob"):
        outline("blob", np.zeros(1), np.zeros(1))
