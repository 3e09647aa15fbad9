"""What the configuration of a published checkpoint does not tell of its network, read from the weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open

from vidal.models.mplug_owl.config import MplugOwlConfig

_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Where transformers looks for weights, in its order."""
_TEMPORAL = "temporal_query_tokens"
_INNER = "abstractor.encoder.layers.0.crossattention.output.mlp.w1.weight"


def as_stored(config: MplugOwlConfig, folder: Path) -> MplugOwlConfig:
    """The configuration with `temporal` and the abstractor's `mlp_width` as the weights in `folder` have them."""
    shapes = shapes_of(folder, (_TEMPORAL, _INNER))
    config.temporal = _TEMPORAL in shapes
    if _INNER in shapes:
        config.visual_abstractor_config.mlp_width = shapes[_INNER][0]
    return config


def shapes_of(folder: Path, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """The shapes of those of `names` that the weights in `folder` hold; reads no values."""
    found = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if found is None:
        return {}
    if found.suffix != ".json":
        return _shapes(found, names)
    places = json.loads(found.read_text())["weight_map"]
    shapes: dict[str, tuple[int, ...]] = {}
    for file in sorted({places[name] for name in names if name in places}):
        shapes |= _shapes(folder / file, names)
    return shapes


def _shapes(file: Path, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    if file.suffix == ".safetensors":
        with safe_open(file, "pt") as stored:
            held = set(stored.keys())
            return {name: tuple(stored.get_slice(name).get_shape()) for name in names if name in held}
    weights = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    return {name: tuple(weights[name].shape) for name in names if name in weights}
