"""Pictures: those of plain image-text shards, or a keyframe of a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vidal.media.images import decode_image
from vidal.train.modalities import Decoded, Modality, register
from vidal.train.modalities.frames import one_frame
from vidal.train.transforms.pictures import PictureTransform
from vidal.train.transforms.square import scaled_size

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vidal.train.towers.config import VisionConfig


def decode(
    members: Mapping[str, bytes],
    record: Mapping[str, Any],
    drawn: int | None,
    rng: np.random.Generator | None,
    vision: VisionConfig,
) -> Decoded:
    """A picture; SampleError as `decode_image`, or `TooNarrow`."""
    rgb = decode_image(members[one_frame(members, drawn, rng)])
    scaled_size(*rgb.shape[:2], vision.image_size)
    return Decoded([rgb])


def prepare(pictures: torch.Tensor, hows: Sequence[Any], vision: VisionConfig) -> torch.Tensor:
    """Pictures uint8 [n, 1, H, W, 3] to float32 [n, 3, side, side]."""
    return PictureTransform(vision.image_size).batch(pictures[:, 0])


register(Modality("image", ("jpg", "jpeg", "png", "webp", "frm*.jpg"), decode, prepare=prepare))
