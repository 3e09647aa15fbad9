"""Role `depth`: a depth map of each frame, by any depth estimator of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches
from vidal.models.place import Place
from vidal.models.pretrained import from_folder

_METRIC = frozenset({"glpn", "zoedepth", "depth_pro"})
"""Model types that always answer in metres; Depth Anything says so in its config."""


@dataclass(frozen=True)
class Depth:
    """A depth estimator with its own image processor."""

    network: Any
    processor: Any
    place: Place

    @property
    def kind(self) -> str:
        """`metric`: distances in metres; `relative`: the network's own scale, of any unit and direction."""
        config = self.network.config
        metric = config.model_type in _METRIC or getattr(config, "depth_estimation_type", "relative") == "metric"
        return "metric" if metric else "relative"

    def depth(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Frames uint8 [H, W, 3] of any sizes to float32 [H, W] each; metres, not negative, where `kind` is metric."""
        pixels = [self.processor(images=np.array(frame), return_tensors="np")["pixel_values"][0] for frame in frames]
        predicted = in_batches(pixels, self.place.batch, self._predict)
        return [self._at_size(one, frame.shape[:2]) for one, frame in zip(predicted, frames, strict=True)]

    def _predict(self, pixels: np.ndarray) -> Any:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self.place.device, self.place.dtype)
            return self.network(pixel_values=batch).predicted_depth.float()

    def _at_size(self, predicted: Any, size: tuple[int, int]) -> np.ndarray:
        import torch
        from transformers.modeling_outputs import DepthEstimatorOutput

        with torch.inference_mode():
            output = DepthEstimatorOutput(predicted_depth=predicted[None])
            (found,) = self.processor.post_process_depth_estimation(output, target_sizes=[size])
            depth = found["predicted_depth"].cpu().numpy()
        return np.maximum(depth, 0.0) if self.kind == "metric" else depth


def load(path: Path, place: Place) -> Depth:
    """The depth estimator in `path`: config, weights and image processor."""
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    processor = AutoImageProcessor.from_pretrained(path, local_files_only=True)
    return Depth(from_folder(AutoModelForDepthEstimation, path, place), processor, place)
