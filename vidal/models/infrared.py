"""Role `infrared`: thermal pictures made from RGB frames, by an sRGB-TIR translator."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.batching import in_batches
from vidal.models.place import Place
from vidal.models.pretrained import refuse_mismatch

_SHORT_SIDE = 400
"""The published networks work on 640 x 400 pictures."""
_OLD_STATISTICS = re.compile(r"[ab]\.enc_content\..*\.(running_mean|running_var|num_batches_tracked)")
"""Running statistics that old frameworks stored and nothing reads."""


@dataclass(frozen=True)
class Infrared:
    """A translator that works on pictures of `short_side` pixels."""

    network: Any
    place: Place
    short_side: int
    style_dim: int
    multiple: int

    def translate(self, frames: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
        """Frames uint8 [H, W, 3] of any sizes to thermal uint8 [H, W, 3] each.

        One style, drawn from `seed`, serves all frames. Each is translated at its own aspect, sides rounded to what the
        network needs, and -1..1 of the network is always 0..255: no stretch per picture.
        """
        import torch

        style = torch.randn(1, self.style_dim, 1, 1, generator=torch.Generator().manual_seed(seed))
        working = [self._shrunk(frame) for frame in frames]
        thermal = in_batches(working, self.place.batch, lambda batch: self._translate(batch, style))
        return [_at_size(one, frame.shape[:2]) for one, frame in zip(thermal, frames, strict=True)]

    def _shrunk(self, frame: np.ndarray) -> np.ndarray:
        import torch
        from torch.nn.functional import interpolate

        height, width = frame.shape[:2]
        scale = self.short_side / min(height, width)
        size = [max(1, round(side * scale / self.multiple)) * self.multiple for side in (height, width)]
        picture = torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        return interpolate(picture, size=size, mode="bilinear", antialias=True)[0].numpy()

    def _translate(self, pictures: np.ndarray, style: Any) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pictures).to(self.place.device, self.place.dtype)
            styles = style.to(self.place.device, self.place.dtype).expand(len(batch), -1, -1, -1)
            return self.network(batch, styles).float().cpu().numpy()


def load(path: Path, place: Place) -> Infrared:
    """The translator in `path`: a weight file, or a folder with one and, beside it, `config.json` with its sizes.

    `config.json` may give any field of GeneratorConfig and `short_side`; what it leaves out is as published. Weights
    are safetensors with prefixes `a.` and `b.`, or the published dict with keys `a` and `b`, read with
    `weights_only=True`.
    """
    import torch

    from vidal.models.srgb_tir import GeneratorConfig, Translator

    config_file = path / "config.json"
    settings = json.loads(config_file.read_text()) if config_file.is_file() else {}
    known = {field.name for field in fields(GeneratorConfig)}
    config = GeneratorConfig(**{key: value for key, value in settings.items() if key in known})
    with torch.device(place.device if place.weights == "random" else "meta"):
        network = Translator(config)
    if place.weights != "random":
        _fill(network, path if path.is_file() else _weight_file(path))
    network = network.eval().requires_grad_(False).to(place.device, place.dtype)
    short_side = settings.get("short_side", _SHORT_SIDE)
    return Infrared(network, place, short_side, config.style_dim, 2**config.n_downsample)


def _fill(network: Any, file: Path) -> None:
    """Give the network the tensors of a weight file. ValueError where they are not those that it has."""
    weights = {key: value for key, value in read_weights(file).items() if not _OLD_STATISTICS.fullmatch(key)}
    wanted = network.state_dict()
    refuse_mismatch(
        missing=wanted.keys() - weights.keys(),
        unexpected=weights.keys() - wanted.keys(),
        misshapen=(key for key in wanted.keys() & weights.keys() if wanted[key].shape != weights[key].shape),
    )
    network.load_state_dict(weights, assign=True)


def read_weights(file: Path) -> dict[str, Any]:
    """The tensors of a weight file, keyed `a.…` and `b.…`."""
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    from vidal.models.headers import unpickled

    stored = unpickled(file)
    if not (isinstance(stored, dict) and stored.keys() == {"a", "b"}):
        raise ValueError(f"{file.name} holds no dict with exactly the keys a and b")
    return {f"{side}.{key}": value for side in "ab" for key, value in stored[side].items()}


def _weight_file(folder: Path) -> Path:
    found = [*sorted(folder.glob("*.safetensors")), *sorted(folder.glob("*.pt"))]
    if not found:
        raise ValueError(f"{folder} holds no *.safetensors and no *.pt file")
    return found[0]


def _at_size(thermal: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import torch
    from torch.nn.functional import interpolate

    brightness = (torch.from_numpy(thermal)[None] + 1.0) * 127.5
    resized = interpolate(brightness, size=size, mode="bicubic", align_corners=False, antialias=True)
    return resized[0].round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
