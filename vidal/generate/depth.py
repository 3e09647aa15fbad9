"""`generate/depth`: a 16-bit depth picture for every keyframe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal import models
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.generate.config import DepthConfig
from vidal.media.depth_png import encode_depth
from vidal.media.images import decode_image

FULL = 65535


class Depth(Step):
    """Metric depth as millimetres, clipped. Any other depth has no unit and keeps its order only: it fills the 16 bits
    per clip, and `depth_scale` and `depth_offset` lead back to the model's values (value = pixel × scale + offset).
    `depth_kind` says which (`vidal.models.depth`)."""

    name = "generate/depth"
    kinds = frozenset({"video"})
    reads = (Read("harvest/media", members=("frm*.jpg",)),)
    gate = "filter/verdicts"
    columns = {"depth_kind": pa.string(), "depth_scale": pa.float64(), "depth_offset": pa.float64()}
    members = ("dep*.png",)
    resources = Resources(gpus=0.25, batch_size=4, actor=True)

    def __init__(self, config: DepthConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        return {**self.config.model_dump(mode="json"), "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("depth", self.config.checkpoint)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [decode_image(sample.members[name]) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        frames = [frame for sample in samples for frame in sample.prepared]
        maps = self._model.depth(frames, self.config.compat)
        results, start = [], 0
        for sample in samples:
            end = start + len(sample.prepared)
            results.append(self._result(sample, maps[start:end]))
            start = end
        return results

    def _result(self, sample: Sample, maps: Sequence[np.ndarray]) -> Result:
        if self._model.kind == "metric":
            pixels, scale, offset = [millimetres(depth, self.config.max_metres) for depth in maps], 0.001, 0.0
        else:
            pixels, scale, offset = spread(maps)
        members = {f"dep{number}.png": encode_depth(picture) for number, picture in enumerate(pixels)}
        columns = {"depth_kind": self._model.kind, "depth_scale": scale, "depth_offset": offset}
        return sample.ok(columns, members)


def millimetres(metres: np.ndarray, most: float) -> np.ndarray:
    """Depth in metres, float [H, W], as uint16 millimetres clipped to 0 .. `most` metres."""
    return np.rint(np.clip(metres, 0.0, most) * 1000).astype(np.uint16)


def spread(maps: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float, float]:
    """Depth without a unit, of all frames of a clip, over 0 .. 65535, with the scale and offset that lead back."""
    low, high = min(float(m.min()) for m in maps), max(float(m.max()) for m in maps)
    scale = (high - low) / FULL or 1.0
    return [np.rint((m - low) / scale).astype(np.uint16) for m in maps], scale, low
