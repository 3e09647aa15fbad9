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
_SQUASHED = (400, 640)
"""Height and width that the original's script brings every frame to, portraits too (thermal_ddp.py)."""
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
        styles = np.repeat(self._styles(seed, 1), len(frames), axis=0)
        thermal = self._translated([self._shrunk(frame) for frame in frames], styles)
        sizes = [frame.shape[:2] for frame in frames]
        return [_levels(_at_size(one, size, antialias=True)) for one, size in zip(thermal, sizes, strict=True)]

    def translate_as_original(self, frames: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
        """As `translate`, by the recipe of the original's script (thermal_ddp.py): each frame squashed to 640 x 400, a
        style of its own, and the levels of each picture stretched over 0..255. Its styles came from no seed."""
        styles = self._styles(seed, len(frames))
        thermal = self._translated([_resized(frame, _SQUASHED, antialias=False) for frame in frames], styles)
        sizes = [frame.shape[:2] for frame in frames]
        return [_stretched(_at_size(one, size, antialias=False)) for one, size in zip(thermal, sizes, strict=True)]

    def _styles(self, seed: int, count: int) -> np.ndarray:
        import torch

        return torch.randn(count, self.style_dim, 1, 1, generator=torch.Generator().manual_seed(seed)).numpy()

    def _shrunk(self, frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        scale = self.short_side / min(height, width)
        sides = (max(1, round(side * scale / self.multiple)) * self.multiple for side in (height, width))
        return _resized(frame, tuple(sides), antialias=True)

    def _translated(self, pictures: Sequence[np.ndarray], styles: np.ndarray) -> list[np.ndarray]:
        return in_batches(pictures, self.place.batch, self._forward, styles)

    def _forward(self, pictures: np.ndarray, styles: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch, style = (torch.from_numpy(one).to(self.place.device, self.place.dtype) for one in (pictures, styles))
            return self.network(batch, style).float().cpu().numpy()


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


def _resized(frame: np.ndarray, size: tuple[int, ...], antialias: bool) -> np.ndarray:
    """A frame as the network is shown it: float32 [3, *size] in -1..1."""
    import torch
    from torch.nn.functional import interpolate

    picture = torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float() / 127.5 - 1.0
    return interpolate(picture, size=size, mode="bilinear", antialias=antialias)[0].numpy()


def _at_size(thermal: np.ndarray, size: tuple[int, ...], antialias: bool) -> Any:
    """What the network gave, [3, h, w], at (height, width) `size`: a tensor that may leave -1..1 a little."""
    import torch
    from torch.nn.functional import interpolate

    picture = torch.from_numpy(thermal)[None]
    return interpolate(picture, size=size, mode="bicubic", align_corners=False, antialias=antialias)[0]


def _levels(thermal: Any) -> np.ndarray:
    """-1..1 [3, H, W] as 0..255 [H, W, 3]."""
    return ((thermal + 1.0) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


def _stretched(thermal: Any) -> np.ndarray:
    """Whatever range [3, H, W] as 0..255 [H, W, 3], as torchvision's `save_image(normalize=True)` does it."""
    unit = (thermal + 1.0) / 2.0
    unit = (unit - unit.min()) / (unit.max() - unit.min()).clamp(min=1e-5)
    return (unit * 255.0 + 0.5).clamp(0, 255).byte().permute(1, 2, 0).numpy()
