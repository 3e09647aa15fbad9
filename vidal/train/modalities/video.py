"""Clips: their keyframes, or else frames decoded from the clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vidal.engine.errors import SampleError
from vidal.media.clip import decode_frames
from vidal.media.images import decode_image
from vidal.train.modalities import Decoded, Modality, register
from vidal.train.modalities.frames import numbered
from vidal.train.transforms.video import VideoTransform, frame_indices

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vidal.train.towers.config import VisionConfig

FRAMES = 8


def decode(
    members: Mapping[str, bytes],
    record: Mapping[str, Any],
    drawn: int | None,
    rng: np.random.Generator | None,
    vision: VisionConfig,
) -> Decoded:
    """A clip's frames, of more than the tower sees evenly spread ones, and the square that is seen of them.

    SampleError as the decoders, `TooNarrow`, or `BadFrames` for keyframes of several sizes.
    """
    frames = _decoded(members["mp4"], vision) if "mp4" in members else _keyframes(members, vision)
    return Decoded(frames, VideoTransform(vision.image_size).view(*frames[0].shape[:2], rng))


def prepare(clips: torch.Tensor, hows: Sequence[Any], vision: VisionConfig) -> torch.Tensor:
    """Clips uint8 [n, frames, H, W, 3], each by its view, to float32 [n, 3, frames, side, side]."""
    return VideoTransform(vision.image_size).batch(clips, hows)


def _decoded(clip: bytes, vision: VisionConfig) -> Sequence[np.ndarray]:
    return decode_frames(clip, lambda total: frame_indices(total, vision.num_frames))


def _keyframes(members: Mapping[str, bytes], vision: VisionConfig) -> Sequence[np.ndarray]:
    series = numbered(members)
    frames = [decode_image(members[series[place]]) for place in frame_indices(len(series), vision.num_frames)]
    if len({frame.shape for frame in frames}) > 1:
        raise SampleError("BadFrames", "keyframes of several sizes")
    return frames


register(Modality("video", ("frm*.jpg", "mp4"), decode, {"add_time_attn": True, "num_frames": FRAMES}, prepare))
