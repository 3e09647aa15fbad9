"""Role `head`: a linear function of an embedding, such as an aesthetic score over those of a CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.models.place import Place
from vidal.models.pretrained import refuse_mismatch

_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True)
class Head:
    """A linear layer with one output."""

    network: Any

    @property
    def width(self) -> int:
        """Length of the embeddings it is for."""
        return self.network.in_features

    def value(self, embedding: Sequence[float]) -> float:
        """Its value for one embedding of `width` numbers."""
        weight, bias = self.network.weight[0].numpy(), self.network.bias[0].numpy()
        return float(weight @ np.asarray(embedding, np.float32) + bias)


def load(path: Path, place: Place) -> Head:
    """The head in a file of weights, or in the one such file of a folder: `weight` [1, width] and `bias` [1].

    The file is safetensors, or what torch.load reads with `weights_only`, as LAION's aesthetic heads are. The head runs
    on the CPU in float32, wherever the other models have their place.
    """
    import torch

    file = _file(path)
    tensors = _tensors(file)
    width = tensors["weight"].shape[-1:] if "weight" in tensors else ()
    shapes = {"weight": (1, *width), "bias": (1,)}
    misshapen = (key for key, shape in shapes.items() if key in tensors and tuple(tensors[key].shape) != shape)
    refuse_mismatch(shapes.keys() - tensors.keys(), tensors.keys() - shapes.keys(), misshapen)
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError("it holds values that are no numbers")
    network = torch.nn.Linear(*width, 1)
    network.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    return Head(network.requires_grad_(False).eval())


def _tensors(file: Path) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    if file.suffix == ".safetensors":
        return load_file(file)
    found = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(found, dict) or not all(torch.is_tensor(tensor) for tensor in found.values()):
        raise ValueError("it is no state dict: a weight and a bias by name")
    return dict(found)


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    if len(files) != 1:
        raise ValueError(f"{path} holds {len(files)} files of weights; name the one of the head")
    return files[0]
