"""Where a model runs: device, precision, how many items go through it at once, and what its weights are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vidal.engine.errors import ConfigError

Weights = Literal["stored", "shapes", "random"]
"""What a network is filled with: the weights of its checkpoint; zeros of their names and shapes, which are read without
their values and take no memory; or numbers drawn anew, for which a folder without weights is enough."""
_DTYPES = ("auto", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Place:
    """`device` and `dtype` are torch's; `batch` is the fixed number of items of every forward pass."""

    device: Any
    dtype: Any
    batch: int
    weights: Weights = "stored"


def place(device: str = "auto", dtype: str = "auto", weights: Weights = "stored") -> Place:
    """The place named by `device` (auto, cpu, cuda, cuda:1 …) and `dtype` (auto, float32, float16, bfloat16).

    On the device `meta` of torch a network has shapes and no numbers.
    """
    import torch

    if dtype not in _DTYPES:
        raise ConfigError(f"unknown dtype {dtype!r}; one of: {', '.join(_DTYPES)}")
    visible = torch.cuda.is_available()
    try:
        target = torch.device(("cuda" if visible else "cpu") if device == "auto" else device)
    except RuntimeError as error:
        raise ConfigError(f"unknown device {device!r}; one of: auto, cpu, cuda, cuda:<number>") from error
    if target.type == "cuda" and not visible:
        raise ConfigError(f"device {device!r} was asked for and no CUDA device is visible; use `auto` or `cpu`")
    if target.type in ("cpu", "meta"):
        torch.set_num_threads(1)
        return Place(target, torch.float32 if dtype == "auto" else getattr(torch, dtype), 8, weights)
    if dtype == "auto":
        dtype = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return Place(target, getattr(torch, dtype), 32, weights)
