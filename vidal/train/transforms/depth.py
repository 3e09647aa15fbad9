"""Depth maps, seen as pictures without colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vidal.engine.errors import SampleError
from vidal.train.transforms.square import centred, normalised, scaled, scaled_size

NEAREST = 0.01
"""Least depth in metres."""
KINDS = ("metric", "inverse", "relative")


@dataclass(frozen=True)
class Unit:
    """What a pixel of a depth map says: value = pixel × scale + offset, of a kind that `docs/shard-format.md` tells of.
    The default is a map in millimetres."""

    kind: str = "metric"
    scale: float = 0.001
    offset: float = 0.0


def unit_of(record: Any) -> Unit:
    """The unit that the JSON of a sample states under `depth`; millimetres where it states none, or there is no JSON.

    SampleError `BadRecord` where what it states cannot be read.
    """
    told = record.get("depth") if isinstance(record, Mapping) else None
    if told is None:
        return Unit()
    try:
        unit = Unit(told["kind"], float(told["scale"]), float(told["offset"]))
    except (TypeError, KeyError, ValueError, OverflowError):
        raise SampleError("BadRecord", "`depth` in the JSON does not state kind, scale and offset") from None
    if unit.kind not in KINDS or not (math.isfinite(unit.scale) and math.isfinite(unit.offset)):
        stated = f"kind {unit.kind!r:.40}, scale {unit.scale}, offset {unit.offset}"
        raise SampleError("BadRecord", f"`depth` in the JSON states {stated}; kinds are {', '.join(KINDS)}")
    return unit


@dataclass(frozen=True)
class DepthTransform:
    """Depth to 0..1, the shorter side to `side` (bicubic, no filter against aliasing), the middle square, three times
    the same plane in CLIP's colours; the same in training and in evaluation.

    Metric depth is clipped to NEAREST .. `max_depth` metres and divided by `max_depth`; where that is 0, it is clipped
    below alone and divided by the map's own maximum. Depth of another kind has no metres to clip: it needs `max_depth`
    0, and its pixels, which fill 16 bits per clip, are divided by the map's greatest. Inverse depth stays inverse: the
    near is bright in it, and dark in metric depth.
    """

    side: int = 224
    max_depth: float = 10.0

    def __call__(self, pixels: np.ndarray, unit: Unit = Unit()) -> torch.Tensor:
        """A map uint16 or float32 [H, W] to float32 [3, side, side]; SampleError as `check`."""
        self.check(*pixels.shape, unit)
        return self.batch(torch.tensor(pixels)[None], [unit])[0]

    def check(self, height: int, width: int, unit: Unit) -> None:
        """SampleError `NotMetric` for another kind where `max_depth` is not 0, `TooNarrow` as PictureTransform."""
        scaled_size(height, width, self.side)
        if unit.kind != "metric" and self.max_depth:
            raise SampleError("NotMetric", f"{unit.kind} depth is in no metres; set max_depth to 0 to read it")

    def batch(self, maps: torch.Tensor, units: Sequence[Unit]) -> torch.Tensor:
        """Maps of one size, uint16 or float32 [n, H, W], each in its unit, to float32 [n, 3, side, side] on their
        device."""
        shares = torch.stack([self._shares(one, unit) for one, unit in zip(_floats(maps), units, strict=True)])
        planes = scaled(shares[:, None], scaled_size(*maps.shape[1:], self.side), "bicubic")
        return normalised(centred(planes, self.side), 1)

    def _shares(self, values: torch.Tensor, unit: Unit) -> torch.Tensor:
        """The map in 0..1, float32 [H, W]."""
        if unit.kind != "metric":
            return values / values.amax().clamp(min=1.0)
        metres = (values * unit.scale + unit.offset).clamp_(min=NEAREST)
        return metres.clamp_(max=self.max_depth) / self.max_depth if self.max_depth else metres / metres.amax()


def _floats(maps: torch.Tensor) -> torch.Tensor:
    """Maps as float32; uint16, of which devices know little, by way of the signed kinds."""
    signed = maps.view(torch.int16).int().bitwise_and_(0xFFFF) if maps.dtype == torch.uint16 else maps
    return signed.float()
