"""The frames of a clip that are captioned, against those that the original's script takes."""

from __future__ import annotations

import json

import numpy as np
from safetensors.torch import load_file

from vidal.media.images import decode_image
from vidal.media.limits import MediaSettings
from vidal.media.normalise import keyframe_indices, normalise


def test_which_frames(parity):
    """Of a clip with fewer frames than are asked for the script takes the first alone; ours are then all of them."""
    cases = json.loads((parity / "keyframes.json").read_text())["cases"]
    compared = [case for case in cases if case["total_frames"] >= case["frames_per_video"]]
    assert len(compared) > 10
    for case in compared:
        found = keyframe_indices(case["total_frames"], case["frames_per_video"], "left-edge")
        assert found == case["indices"]


def test_the_frames_of_a_clip(parity):
    settings = MediaSettings(short_side=120, keyframes="left-edge", jpeg_quality=95)
    members = normalise(parity / "video-sample/sample.mp4", "video", settings).members
    found = [decode_image(members[f"frm{index}.jpg"]).astype(float) for index in range(8)]
    stored = load_file(parity / "video-sample/frames.safetensors")["opencv_rgb_uint8"].numpy().astype(float)
    away = np.array([[np.abs(one - other).mean() for other in stored] for one in found])
    assert away.argmin(1).tolist() == list(range(8))
    assert away.diagonal().max() < 8 and np.median(away) > 25
