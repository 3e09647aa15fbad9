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
        return in_batches(frames, self.place.batch, self._translated, styles)

    def translate_as_original(self, frames: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
        """As `translate`, by the recipe of the original's script (thermal_ddp.py): each frame squashed to 640 x 400, a
        style of its own, and the levels of each picture stretched over 0..255. Its styles came from no seed."""
        return in_batches(frames, self.place.batch, self._translated_as_original, self._styles(seed, len(frames)))

    def _styles(self, seed: int, count: int) -> np.ndarray:
        import torch

        return torch.randn(count, self.style_dim, 1, 1, generator=torch.Generator().manual_seed(seed)).numpy()

    def _translated(self, frames: np.ndarray, styles: np.ndarray) -> np.ndarray:
        height, width = frames.shape[1:3]
        scale = self.short_side / min(height, width)
        sides = tuple(max(1, round(side * scale / self.multiple)) * self.multiple for side in (height, width))
        return _pixels(_levels(self._forward(frames, styles, sides, (height, width), antialias=True)))

    def _translated_as_original(self, frames: np.ndarray, styles: np.ndarray) -> np.ndarray:
        return _pixels(_stretched(self._forward(frames, styles, _SQUASHED, frames.shape[1:3], antialias=False)))

    def _forward(
        self, frames: np.ndarray, styles: np.ndarray, shown_at: tuple[int, ...], size: tuple[int, ...], antialias: bool
    ) -> Any:
        """Frames [n, height, width, 3] of one size, shown to the network at another, to [n, 3, *size] on the device,
        which may leave -1..1 a little."""
        import torch
        from torch.nn.functional import interpolate

        device, dtype = self.place.device, self.place.dtype
        with torch.inference_mode():
            shown = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1.0
            shown = interpolate(shown, size=shown_at, mode="bilinear", antialias=antialias)
            thermal = self.network(shown.to(dtype), torch.from_numpy(styles).to(device, dtype)).float()
            return interpolate(thermal, size=size, mode="bicubic", antialias=antialias)


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


def _levels(thermal: Any) -> Any:
    """-1..1 as 0..255."""
    return ((thermal + 1.0) * 127.5).round()


def _stretched(thermal: Any) -> Any:
    """Whatever range each of [n, 3, H, W] has as 0..255, as torchvision's `save_image(normalize=True)` does it."""
    unit = (thermal + 1.0) / 2.0
    lowest, highest = unit.amin((1, 2, 3), keepdim=True), unit.amax((1, 2, 3), keepdim=True)
    return (unit - lowest) / (highest - lowest).clamp(min=1e-5) * 255.0 + 0.5


def _pixels(levels: Any) -> np.ndarray:
    """0..255 [n, 3, H, W] as uint8 [n, H, W, 3] in the memory of the CPU."""
    return levels.clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
