"""Pictures, clips and depth of any shape, and of files that are not RGB."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vidal.engine.errors import SampleError
from vidal.media.images import decode_image
from vidal.train.transforms.depth import DepthTransform, Unit, unit_of
from vidal.train.transforms.pictures import PictureTransform
from vidal.train.transforms.square import MEAN, NARROWEST, STD, centre, scaled_size
from vidal.train.transforms.video import VideoTransform, frame_indices

SIDE = 16
SIZES = st.tuples(st.integers(3, 60), st.integers(3, 60))
MILLIMETRES = Unit()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def colours(found: torch.Tensor) -> torch.Tensor:
    """Planes [3, ...] back to 0..1."""
    shape = (3, *(1,) * (found.ndim - 1))
    return found * torch.tensor(STD).reshape(shape) + torch.tensor(MEAN).reshape(shape)


@given(SIZES, st.sampled_from(["plain", "antialiased", "pillow"]), st.integers(0, 255))
def test_a_plain_colour_stays_it_whatever_the_shape(size, resize, level):
    found = PictureTransform(SIDE, resize)(np.full((*size, 3), level, np.uint8))
    assert found.shape == (3, SIDE, SIDE) and found.dtype == torch.float32 and found.is_contiguous()
    torch.testing.assert_close(colours(found), torch.full((3, SIDE, SIDE), level / 255), rtol=0, atol=1e-5)


@given(SIZES)
def test_the_sides_of_a_picture_are_its_square_turned(size):
    rgb = noise(*size, 3)
    upright = PictureTransform(SIDE)(rgb)
    torch.testing.assert_close(PictureTransform(SIDE)(rgb.swapaxes(0, 1).copy()).transpose(1, 2), upright)


def test_the_middle_of_a_picture_at_its_size_is_cut_out():
    rgb = noise(SIDE, SIDE + 7, 3)
    expected = torch.tensor(rgb[:, 4 : 4 + SIDE]).permute(2, 0, 1) / 255
    torch.testing.assert_close(colours(PictureTransform(SIDE)(rgb)), expected, rtol=0, atol=1e-5)
    assert [centre(size, SIDE) for size in range(SIDE, SIDE + 8)] == [0, 0, 1, 2, 2, 2, 3, 4]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_a_file_in_another_mode_is_made_rgb(mode):
    out = io.BytesIO()
    source = Image.fromarray(np.repeat(noise(20, 30, 1), 3, 2)).convert(mode)
    source.save(out, "JPEG" if mode == "CMYK" else "PNG")
    found = PictureTransform(SIDE)(decode_image(out.getvalue()))
    with Image.open(io.BytesIO(out.getvalue())) as picture:
        assert picture.mode == mode
        expected = PictureTransform(SIDE)(np.array(picture.convert("RGB")))
    assert torch.equal(found, expected) and found.std() > 0.1


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_the_longer_side_is_rounded_down(short, more):
    long = short + more
    if long > NARROWEST * short:
        with pytest.raises(SampleError, match=f"{long}x{short} pixels"):
            scaled_size(short, long, 224)
        return
    exact = scaled_size(short, long, 224)
    assert exact == (224, 224 * long // short) and scaled_size(long, short, 224) == exact[::-1]
    assert exact[1] - scaled_size(short, long, 224, quotient_first=True)[1] in (0, 1)


@pytest.mark.parametrize("transform", [PictureTransform(), DepthTransform(), VideoTransform()])
def test_a_thread_of_a_picture_is_refused(transform):
    shape = {PictureTransform: (1, 40, 3), DepthTransform: (40, 1), VideoTransform: (2, 40, 1, 3)}[type(transform)]
    with pytest.raises(SampleError, match="at most 32:1 is read") as refusal:
        transform(np.zeros(shape, np.uint16 if isinstance(transform, DepthTransform) else np.uint8))
    assert refusal.value.error_class == "TooNarrow"


def test_a_clip_is_cut_and_mirrored_alike_in_all_frames():
    frames = np.repeat(noise(1, 40, 50, 3), 4, 0)
    for seed in range(6):
        found = VideoTransform(SIDE)(frames, np.random.default_rng(seed))
        assert found.shape == (3, 4, SIDE, SIDE) and found.is_contiguous()
        assert all(torch.equal(found[:, 0], found[:, frame]) for frame in range(4))


def test_a_clip_is_the_same_for_the_same_draws_and_another_for_others():
    frames = noise(2, 30, 40, 3)
    drawn = [VideoTransform(SIDE)(frames, np.random.default_rng(seed)) for seed in (5, 5, 3)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    fixed = VideoTransform(SIDE)(frames)
    assert torch.equal(fixed, VideoTransform(SIDE)(frames)) and not torch.equal(fixed, drawn[0])


def test_every_square_of_a_clip_and_both_sides_are_drawn():
    ramp = np.arange(SIDE + 3, dtype=np.uint8)[:, None] * 10
    frames = np.ascontiguousarray(np.broadcast_to(ramp, (1, SIDE, SIDE + 3, 3)))
    rng = np.random.default_rng(0)
    ends = set()
    for _ in range(200):
        row = colours(VideoTransform(SIDE)(frames, rng))[0, 0, 0] * 25.5
        ends.add((round(row[0].item()), round(row[-1].item())))
    forward = {(left, left + SIDE - 1) for left in range(4)}
    assert ends == forward | {pair[::-1] for pair in forward}


def test_the_published_processor_mirrors_the_middle():
    frames = noise(2, 30, 40, 3)
    middle, rng = VideoTransform(SIDE)(frames), np.random.default_rng(0)
    found = [VideoTransform(SIDE, crop="centre")(frames, rng) for _ in range(20)]
    assert all(torch.equal(one, middle) or torch.equal(one, middle.flip(-1)) for one in found)
    assert 0 < sum(torch.equal(one, middle) for one in found) < 20


@given(st.integers(1, 5000), st.integers(2, 64))
def test_frames_go_from_the_first_to_the_last(total, wanted):
    found = frame_indices(total, wanted)
    assert found[0] == 0 and found[-1] == total - 1 and (np.diff(found) >= 0).all() and found.dtype == np.int64


@given(st.integers(0, 65535), st.sampled_from([0.0, 5.0, 10.0]))
def test_metres_are_clipped_and_shared_out(level, most):
    found = DepthTransform(SIDE, most)(np.full((20, 30), level, np.uint16))
    share = np.clip(level / 1000, 0.01, most) / most if most else 1.0
    torch.testing.assert_close(colours(found), torch.full((3, SIDE, SIDE), float(share)), rtol=0, atol=1e-5)


def test_scale_and_offset_are_heeded():
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    plain = DepthTransform(SIDE)(pixels * 10)
    told = unit_of({"depth": {"kind": "metric", "scale": 0.01, "offset": 1.0}})
    torch.testing.assert_close(
        DepthTransform(SIDE)(pixels, told), DepthTransform(SIDE)(pixels * 10 + 1000), rtol=0, atol=1e-5
    )
    assert not torch.allclose(DepthTransform(SIDE)(pixels, told), plain)


@pytest.mark.parametrize("kind", ["inverse", "relative"])
def test_depth_without_metres_is_read_by_its_own_maximum_or_refused(kind):
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30) * 7
    unit = Unit(kind, 1e-6, -3.0)
    with pytest.raises(SampleError, match=f"{kind} depth is in no metres; set max_depth to 0") as refusal:
        DepthTransform(SIDE)(pixels, unit)
    assert refusal.value.error_class == "NotMetric"
    found = DepthTransform(SIDE, 0)(pixels, unit)
    torch.testing.assert_close(found, DepthTransform(SIDE, 0)(pixels * 2, unit))
    assert 0.9 < colours(found).max() <= 1.05
    assert torch.isfinite(DepthTransform(SIDE, 0)(pixels * 0, unit)).all()


@pytest.mark.parametrize("record", [None, {}, {"depth": None}, [], "text"])
def test_a_sample_that_states_no_unit_is_in_millimetres(record):
    assert unit_of(record) == MILLIMETRES


@pytest.mark.parametrize(
    "stated",
    [
        "metric", [], {"kind": "metric"}, {"kind": "metric", "scale": "wide", "offset": 0},
        {"kind": "metric", "scale": None, "offset": 0}, {"kind": "fathoms", "scale": 1, "offset": 0},
        {"kind": ["metric"], "scale": 1, "offset": 0}, {"kind": "x" * 10000, "scale": 1, "offset": 0},
        {"kind": "metric", "scale": 10**400, "offset": 0},
        json.loads('{"kind": "metric", "scale": NaN, "offset": 0}'),
        json.loads('{"kind": "inverse", "scale": 1, "offset": Infinity}'),
    ],
)  # fmt: skip
def test_a_unit_that_cannot_be_read_is_said(stated):
    with pytest.raises(SampleError, match="`depth` in the JSON") as refusal:
        unit_of({"depth": stated})
    assert refusal.value.error_class == "BadRecord" and len(str(refusal.value)) < 250
