"""Checkpoints in the published layout: read with every mismatch refused, and written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vidal.models.pretrained import refuse_mismatch
from vidal.train.towers.config import TowerConfig, read
from vidal.train.towers.lora import own_names, published_name
from vidal.train.towers.model import LanguageBind

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_PICKLED = "pytorch_model.bin"
_BUFFER = "embeddings.position_ids"
"""Index buffers that older versions stored; they hold no learned value."""


def load(folder: Path) -> LanguageBind:
    """The model in a folder: `config.json`, and `model.safetensors` or `pytorch_model.bin`.

    Raises ValueError where a file is absent or does not fit, listing the keys that differ.
    """
    config = read(folder / CONFIG)
    weights = own_names({name: one for name, one in _stored(folder).items() if not name.endswith(_BUFFER)})
    with torch.device("meta"):
        model = LanguageBind(config)
    fit(model, weights)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def fit(model: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError, listing all keys that differ, where weights are not those of the model."""
    wanted = {published_name(name): value.shape for name, value in model.state_dict().items()}
    found = {published_name(name): value.shape for name, value in weights.items()}
    refuse_mismatch(
        missing=wanted.keys() - found.keys(),
        unexpected=found.keys() - wanted.keys(),
        misshapen=(name for name in wanted.keys() & found.keys() if wanted[name] != found[name]),
    )


def save(model: LanguageBind, folder: Path, config: Mapping[str, Any]) -> None:
    """Write the model as a published checkpoint: `config`, the JSON of its configuration, and safetensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {published_name(name): value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def published_shapes(config: TowerConfig) -> dict[str, list[int]]:
    """The names and shapes of all weights of a configuration, without making any."""
    with torch.device("meta"):
        model = LanguageBind(config)
    return {published_name(name): list(value.shape) for name, value in model.state_dict().items()}


def _stored(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    if (file := folder / WEIGHTS).is_file():
        return _read(file, load_file)
    if (file := folder / _PICKLED).is_file():
        return _read(file, partial(torch.load, map_location="cpu", weights_only=True, mmap=True))
    raise ValueError(f"{folder} holds neither {WEIGHTS} nor {_PICKLED}")


def _read(file: Path, load_file: Callable[[Path], dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except Exception as error:  # each library has errors of its own
        reason = " ".join(str(error).split()).partition(". ")[0][:200]
        raise ValueError(f"{file} cannot be read: {reason}") from error
