"""Role `depth`: a depth map of each frame, by any depth estimator of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
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
        return in_batches(frames, self._batch, partial(self._maps, compat=compat))

    @property
    def _batch(self) -> int:
        """A ZoeDepth of several domains lets the pictures of a batch vote on theirs, so it is shown one at a time."""
        return 1 if len(getattr(self.network.config, "bin_configurations", None) or ()) > 1 else self.place.batch

    def _maps(self, frames: np.ndarray, compat: bool) -> np.ndarray:
        """Frames [n, H, W, 3] of one size to [n, H, W]. All but the frames and the maps stays on the device."""
        import torch

        sizes = [frames.shape[1:3]] * len(frames)
        finish = self.processor.post_process_depth_estimation
        sources = {"source_sizes": sizes} if "source_sizes" in signature(finish).parameters else {}
        with torch.inference_mode():
            pixels = self._pixels(torch.from_numpy(frames).to(self.place.device).permute(0, 3, 1, 2), compat)
            output = self.network(pixel_values=pixels.to(self.place.dtype))
            parts = {name: value.float() for name, value in output.items() if torch.is_tensor(value)}
            found = finish(type(output)(**parts), target_sizes=sizes, **sources)
            depth = torch.stack([one["predicted_depth"].reshape(sizes[0]) for one in found]).cpu().numpy()
        return np.maximum(depth, 0.0) if self.kind == "metric" else depth

    def _pixels(self, frames: Any, compat: bool) -> Any:
        """What the processor makes of frames, both [n, 3, height, width]."""
        height, width = frames.shape[2:]
        options = {}
        if compat:
            frames = resized(frames, _SQUASHED)
        elif self.network.config.model_type == "glpn":
            scale = _GLPN_SIDE / min(height, width)
            frames = resized(frames, (round(height * scale), round(width * scale)))
        elif getattr(self.processor, "keep_aspect_ratio", True) is False:
            options = {"keep_aspect_ratio": True, "ensure_multiple_of": _MULTIPLE}
        made = self.processor(images=frames, return_tensors="pt", input_data_format="channels_first", **options)
        return made["pixel_values"].to(frames.device)


def resized(frames: Any, size: tuple[int, int]) -> Any:
    """Frames uint8 [n, 3, H, W] at another (height, width): bilinear, without a filter against aliasing, as OpenCV."""
    from torch.nn.functional import interpolate

    return interpolate(frames.float(), size=size, mode="bilinear").round().byte()


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
