"""Sounds, as pictures of their spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from vidal.media.sound import decode_audio
from vidal.train.modalities import Decoded, Modality, register
from vidal.train.transforms.audio import PUBLISHED, AudioTransform, heard, starts
from vidal.train.transforms.filter_banks import frame_count

if TYPE_CHECKING:
    import numpy as np

    from vidal.train.towers.config import VisionConfig


def decode(
    members: Mapping[str, bytes],
    record: Mapping[str, Any],
    drawn: int | None,
    rng: np.random.Generator | None,
    vision: VisionConfig,
) -> Decoded:
    """A sound, and where its windows begin; SampleError as `decode_audio` and `AudioTransform`."""
    wave, rate = decode_audio(members["flac"])
    wave = heard(wave[None], rate)
    return Decoded([wave], starts(frame_count(len(wave)), vision.target_length, rng))


def prepare(sounds: torch.Tensor, hows: Sequence[Any], vision: VisionConfig) -> torch.Tensor:
    """Sounds [n, 1, samples] to float32 [n, 3, mels, frames]."""
    transform = AudioTransform(vision.num_mel_bins, vision.target_length, vision.audio_mean, vision.audio_std)
    return torch.stack([transform.picture(sound[0], begun) for sound, begun in zip(sounds, hows, strict=True)])


TOWER = {
    "num_mel_bins": PUBLISHED.mels,
    "target_length": PUBLISHED.frames,
    "audio_mean": PUBLISHED.mean,
    "audio_std": PUBLISHED.std,
}

register(Modality("audio", ("flac",), decode, TOWER, prepare))
