"""Frames of clips in memory."""

from __future__ import annotations

import numpy as np
import pytest

from vidal.engine.errors import SampleError
from vidal.media.clip import decode_frames
from vidal.media.limits import MediaLimits
from vidal.media.write import write_clip

LEVELS = np.arange(12) * 20


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    film = np.broadcast_to(LEVELS[:, None, None, None], (12, 48, 64, 3)).astype(np.uint8)
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", film, 8).read_bytes()


def test_the_chosen_frames_in_the_order_chosen(clip):
    totals = []
    found = decode_frames(clip, lambda total: totals.append(total) or np.array([0, 7, 7, 11]))
    assert found.shape == (4, 48, 64, 3) and found.dtype == np.uint8 and totals == [12]
    assert abs(found.mean((1, 2, 3)) - LEVELS[[0, 7, 7, 11]]).max() < 4


def test_what_is_refused(clip):
    def refused(data, limits=None):
        with pytest.raises(SampleError) as error:
            decode_frames(data, lambda total: np.array([total - 1]), limits)
        return error.value.error_class

    assert refused(clip, MediaLimits(max_seconds=0.01)) == "TooLong"
    assert refused(clip, MediaLimits(max_pixels=100)) == "TooManyPixels"
    broken = [refused(data) for data in (clip[: len(clip) // 2], clip[:60], b"", b"<html>")]
    assert broken == ["DecodeFailed", "NoVideo", "DecodeFailed", "DecodeFailed"]
