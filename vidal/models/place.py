"""Where a model runs: device, precision, and how many items go through it at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vidal.engine.errors import ConfigError

_DTYPES = ("auto", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Place:
    """`device` and `dtype` are torch's; `batch` is the fixed number of items of every forward pass."""

    device: Any
    dtype: Any
    batch: int


def place(device: str = "auto", dtype: str = "auto") -> Place:
    """The place named by `device` (auto, cpu, cuda, cuda:1 …) and `dtype` (auto, float32, float16, bfloat16)."""
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
    if target.type == "cpu":
        torch.set_num_threads(1)
        return Place(target, torch.float32 if dtype == "auto" else getattr(torch, dtype), batch=8)
    if dtype == "auto":
        dtype = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return Place(target, getattr(torch, dtype), batch=32)
