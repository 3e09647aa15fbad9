from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vidal.engine.step import Sample
from vidal.generate.config import DepthConfig
from vidal.generate.depth import Depth, millimetres, spread
from vidal.media.depth_png import decode_depth
from vidal.media.images import encode_jpeg


def test_metres_become_clipped_millimetres():
    metres = np.array([[0.0, -1.0, 1.2344], [1.2346, 9.9999, 70.0]], np.float32)
    assert millimetres(metres, 10.0).tolist() == [[0, 0, 1234], [1235, 10000, 10000]]
    assert millimetres(metres, 65.535).max() == 65535 and millimetres(metres, 10.0).dtype == np.uint16


MAPS = hnp.arrays(np.float32, (2, 3, 4), elements=st.floats(-1000, 1000, width=32))


@given(MAPS)
def test_relative_depth_fills_the_range_and_leads_back(maps):
    pixels, scale, offset = spread(list(maps))
    back = np.stack(pixels).astype(np.float64) * scale + offset
    assert np.abs(back - maps).max() <= scale * 0.51 + 1e-4
    if np.ptp(maps) > 1e-3:
        assert min(p.min() for p in pixels) == 0 and max(p.max() for p in pixels) == 65535


@given(MAPS)
def test_relative_depth_keeps_its_order_across_frames(maps):
    pixels = np.stack(spread(list(maps))[0]).ravel()
    order = np.argsort(maps.ravel(), kind="stable")
    assert (np.diff(pixels[order].astype(np.int64)) >= 0).all()


def test_a_flat_clip_is_all_zero_and_leads_back():
    pixels, scale, offset = spread([np.full((2, 2), 7.5, np.float32)])
    assert pixels[0].max() == 0 and offset == 7.5 and scale == 1.0


class Ramp:
    """A depth model of one number per picture: its mean, in metres per 100 levels, and a metre more for `compat`."""

    def __init__(self, kind):
        self.kind = kind

    def depth(self, frames, compat):
        return [np.full(frame.shape[:2], frame.mean() / 100 + compat, np.float32) for frame in frames]


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("kind", ["metric", "inverse"])
def test_every_keyframe_of_every_clip_gets_its_own_depth(kind, compat):
    step = Depth(DepthConfig(checkpoint="demo:depth", compat=compat))
    step._model = Ramp(kind)
    samples = []
    for id_, levels in (("a", (50, 100)), ("b", (200, 150, 250))):
        frames = {f"frm{n}.jpg": encode_jpeg(np.full((16, 24, 3), v, np.uint8)) for n, v in enumerate(levels)}
        samples.append(Sample(id_, "video", members=frames))
        step.prepare(samples[-1])
    results = step.process(samples)
    for result, levels in zip(results, ((50, 100), (200, 150, 250)), strict=True):
        assert sorted(result.members) == [f"dep{n}.png" for n in range(len(levels))]
        for number, level in enumerate(levels):
            picture = decode_depth(result.members[f"dep{number}.png"])
            value = picture * result.columns["depth_scale"] + result.columns["depth_offset"]
            assert picture.shape == (16, 24) and np.allclose(value, level / 100 + compat, atol=0.01)
        assert result.columns["depth_kind"] == kind
