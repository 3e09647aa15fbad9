"""Pictures: those of plain image-text shards, or a keyframe of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vidal.media.images import decode_image
from vidal.train.modalities import Modality, register
from vidal.train.modalities.frames import one_frame
from vidal.train.transforms.pictures import PictureTransform

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
) -> torch.Tensor:
    """A picture as float32 [3, side, side]; SampleError as `decode_image`, or `TooNarrow`."""
    return PictureTransform(vision.image_size)(decode_image(members[one_frame(members, drawn, rng)]))


register(Modality("image", ("jpg", "jpeg", "png", "webp", "frm*.jpg"), read))
