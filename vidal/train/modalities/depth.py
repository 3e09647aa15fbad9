"""Depth: one map of a clip's keyframes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vidal.engine.errors import SampleError
from vidal.media.depth_png import decode_depth
from vidal.media.images import MAX_PIXELS
from vidal.train.modalities import Decoded, Modality, register
from vidal.train.modalities.frames import one_frame
from vidal.train.transforms.depth import DepthTransform, unit_of

if TYPE_CHECKING:
    import torch

    from vidal.train.towers.config import VisionConfig


def decode(
    members: Mapping[str, bytes],
    record: Mapping[str, Any],
    drawn: int | None,
    rng: np.random.Generator | None,
    vision: VisionConfig,
) -> Decoded:
    """A depth map and its unit; SampleError as `decode_map` and `DepthTransform.check`."""
    name = one_frame(members, drawn, rng)
    found, unit = decode_map(name, members[name]), unit_of(record)
    DepthTransform(vision.image_size, vision.max_depth).check(*found.shape, unit)
    return Decoded([found], unit)


def prepare(maps: torch.Tensor, hows: Sequence[Any], vision: VisionConfig) -> torch.Tensor:
    """Maps [n, 1, H, W] in their units to float32 [n, 3, side, side]."""
    return DepthTransform(vision.image_size, vision.max_depth).batch(maps[:, 0], hows)


def decode_map(name: str, data: bytes) -> np.ndarray:
    """A depth map [H, W], uint16 from a 16-bit PNG, or float32 from the npy of the original's shards, which holds
    millimetres.

    SampleError as `decode_depth`, or `DecodeFailed`.
    """
    if not name.endswith(".npy"):
        return decode_depth(data)
    try:
        stream = io.BytesIO(data)
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = header(stream)
        if kind.hasobject or kind.kind not in "uif" or np.prod(shape, dtype=object) > MAX_PIXELS:
            raise ValueError(f"{shape} of {kind}")
        found = np.squeeze(np.load(io.BytesIO(data), allow_pickle=False))
    except Exception as error:  # the header is parsed as Python, and fails in as many ways
        raise SampleError("DecodeFailed", f"{name} is no depth map: {error}") from None
    if found.ndim != 2 or not found.size or not np.isfinite(found).all():
        raise SampleError("DecodeFailed", f"{name} is no depth map: {found.shape} of {found.dtype}")
    return found.astype(np.float32)


register(Modality("depth", ("dep*.png", "dep*.npy"), decode, prepare=prepare))
