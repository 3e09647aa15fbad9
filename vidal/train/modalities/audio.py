"""Sounds, as pictures of their spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vidal.media.sound import decode_audio
from vidal.train.modalities import Modality, register
from vidal.train.transforms.audio import PUBLISHED, AudioTransform, Fill

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vidal.train.towers.config import VisionConfig


def read(
    members: Mapping[str, bytes],
    record: Mapping[str, Any],
    drawn: int | None,
    rng: np.random.Generator | None,
    vision: VisionConfig,
    fill: Fill = "tile",
) -> torch.Tensor:
    """A sound as float32 [3, mels, frames]; SampleError as `decode_audio` and `AudioTransform`. `fill` is what a sound
    shorter than the map is filled up with."""
    wave, rate = decode_audio(members["flac"])
    picture = AudioTransform(vision.num_mel_bins, vision.target_length, vision.audio_mean, vision.audio_std, fill)
    return picture(wave[None], rate, rng)


TOWER = {
    "num_mel_bins": PUBLISHED.mels,
    "target_length": PUBLISHED.frames,
    "audio_mean": PUBLISHED.mean,
    "audio_std": PUBLISHED.std,
}

register(Modality("audio", ("flac",), read, TOWER))
