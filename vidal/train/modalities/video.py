"""Clips: their keyframes, or else frames decoded from the clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vidal.engine.errors import SampleError
from vidal.media.clip import decode_frames
from vidal.media.images import decode_image
from vidal.train.modalities import Modality, register
from vidal.train.modalities.frames import numbered
from vidal.train.transforms.video import VideoTransform, frame_indices

if TYPE_CHECKING:
    import torch

    from vidal.train.towers.config import VisionConfig

FRAMES = 8


def read(
    members: Mapping[str, bytes],
    record: Mapping[str, Any],
    drawn: int | None,
    rng: np.random.Generator | None,
    vision: VisionConfig,
) -> torch.Tensor:
    """A clip as float32 [3, frames, side, side]: of more frames than the tower sees, evenly spread ones.

    SampleError as the decoders, or `BadFrames` for keyframes of several sizes.
    """
    frames = _decoded(members["mp4"], vision) if "mp4" in members else _keyframes(members, vision)
    return VideoTransform(vision.image_size)(frames, rng)


def _decoded(clip: bytes, vision: VisionConfig) -> np.ndarray:
    return decode_frames(clip, lambda total: frame_indices(total, vision.num_frames))


def _keyframes(members: Mapping[str, bytes], vision: VisionConfig) -> np.ndarray:
    series = numbered(members)
    frames = [decode_image(members[series[place]]) for place in frame_indices(len(series), vision.num_frames)]
    if len({frame.shape for frame in frames}) > 1:
        raise SampleError("BadFrames", "keyframes of several sizes")
    return np.stack(frames)


register(Modality("video", ("frm*.jpg", "mp4"), read, {"add_time_attn": True, "num_frames": FRAMES}))
