"""Role `depth`: a depth map of each frame, by any depth estimator of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches
from vidal.models.place import Place
from vidal.models.pretrained import from_folder

_METRIC = frozenset({"glpn", "zoedepth", "depth_pro"})
"""Model types that always answer in metres; Depth Anything says so in its config."""
_INVERSE = frozenset({"dpt", "depth_anything", "prompt_depth_anything"})
"""Model types that else answer as MiDaS does: the greater, the nearer."""
_GLPN_SIDE = 448
"""The short side GLPN works at. Its processor takes frames as they are, and it was trained on 480 x 640 pictures; the
original gives it 448 pixels of width."""
_MULTIPLE = 32
"""What sides are rounded to where a processor would squash frames; MiDaS's own figure for its DPTs."""
_SQUASHED = (796, 448)
"""Height and width that the original's script brings every frame to (depth_ddp_glpn.py)."""


@dataclass(frozen=True)
class Depth:
    """A depth estimator with its own image processor."""

    network: Any
    processor: Any
    place: Place

    @property
    def kind(self) -> str:
        """`metric`: distances in metres; `inverse`: the greater, the nearer, in no unit; `relative`: the network's own
        scale, of any unit and direction."""
        config = self.network.config
        if config.model_type in _METRIC or getattr(config, "depth_estimation_type", None) == "metric":
            return "metric"
        return "inverse" if config.model_type in _INVERSE else "relative"

    def depth(self, frames: Sequence[np.ndarray], compat: bool = False) -> list[np.ndarray]:
        """Frames uint8 [H, W, 3] of any sizes to float32 [H, W] each; metres, not negative, where `kind` is metric.

        Frames keep their aspect. With `compat` each is squashed to 448 x 796 first, as the original does.
        """
        pixels = [self._pixels(frame, compat) for frame in frames]
        outputs = in_batches(pixels, self._batch, self._predict)
        return [self._at_size(one, frame.shape[:2]) for one, frame in zip(outputs, frames, strict=True)]

    @property
    def _batch(self) -> int:
        """A ZoeDepth of several domains lets the pictures of a batch vote on theirs, so it is shown one at a time."""
        return 1 if len(getattr(self.network.config, "bin_configurations", None) or ()) > 1 else self.place.batch

    def _pixels(self, frame: np.ndarray, compat: bool) -> np.ndarray:
        options = {}
        if compat:
            frame = resized(frame, _SQUASHED)
        elif self.network.config.model_type == "glpn":
            scale = _GLPN_SIDE / min(frame.shape[:2])
            frame = resized(frame, (round(frame.shape[0] * scale), round(frame.shape[1] * scale)))
        elif getattr(self.processor, "keep_aspect_ratio", True) is False:
            options = {"keep_aspect_ratio": True, "ensure_multiple_of": _MULTIPLE}
        return self.processor(images=np.array(frame), return_tensors="np", **options)["pixel_values"][0]

    def _predict(self, pixels: np.ndarray) -> list[Any]:
        """What the network says of each picture, as an output of the network's own class."""
        import torch

        with torch.inference_mode():
            output = self.network(pixel_values=torch.from_numpy(pixels).to(self.place.device, self.place.dtype))
        parts = {name: value.float() for name, value in output.items() if torch.is_tensor(value)}
        return [
            type(output)(**{name: value[row : row + 1] for name, value in parts.items()}) for row in range(len(pixels))
        ]

    def _at_size(self, output: Any, size: tuple[int, int]) -> np.ndarray:
        import torch

        finish = self.processor.post_process_depth_estimation
        sources = {"source_sizes": [size]} if "source_sizes" in signature(finish).parameters else {}
        with torch.inference_mode():
            (found,) = finish(output, target_sizes=[size], **sources)
            depth = found["predicted_depth"].reshape(size).cpu().numpy()
        return np.maximum(depth, 0.0) if self.kind == "metric" else depth


def resized(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame uint8 [H, W, 3] at another (height, width): bilinear, without a filter against aliasing, as OpenCV."""
    import torch
    from torch.nn.functional import interpolate

    pixels = torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float()
    return interpolate(pixels, size=size, mode="bilinear")[0].round().byte().permute(1, 2, 0).numpy()


def load(path: Path, place: Place) -> Depth:
    """The depth estimator in `path`: config, weights and image processor."""
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    processor = AutoImageProcessor.from_pretrained(path, local_files_only=True)
    network = from_folder(AutoModelForDepthEstimation, path, place)
    if network.config.model_type == "dpt" and network.config.backbone_config is None:
        _tell_aspect(network)
    return Depth(network, processor, place)


def _tell_aspect(network: Any) -> None:
    """Let a DPT with a vision tower of its own know how the patches lie: transformers takes them for a square."""
    patches: list[int] = []

    def seen(_: Any, arguments: tuple[Any, ...]) -> None:
        patches[:] = [side // network.config.patch_size for side in arguments[0].shape[-2:]]

    def told(_: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return (arguments[0], *patches)

    network.dpt.register_forward_pre_hook(seen)
    network.neck.register_forward_pre_hook(told)
