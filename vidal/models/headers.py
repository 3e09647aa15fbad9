"""Names, shapes and precisions of stored weights, read without their values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Where transformers looks for the weights of a folder, in its order."""


def zeros(folder: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """A tensor of the name and the shape of each that is stored in `folder`: one zero, seen as often as there are
    numbers, so that none takes memory. Those of floats are of `dtype`, the others as stored.

    Raises ValueError where the folder holds no weights, or an index that names files outside it.
    """
    return {
        name: torch.zeros((), dtype=dtype if kind.is_floating_point else kind).expand(shape)
        for name, (shape, kind) in stored(folder).items()
    }


def stored(folder: Path) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Shape and precision of each tensor in `folder`, by name; see `zeros`."""
    found: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
    for file in files(folder):
        found |= _safe(file) if file.suffix == ".safetensors" else _pickled(file)
    return found


def files(folder: Path) -> list[Path]:
    """The files of weights that transformers would read from `folder`."""
    first = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if first is None:
        raise ValueError(f"{folder} holds no weights: none of {', '.join(FILES)}")
    if first.suffix != ".json":
        return [first]
    names = sorted(set(json.loads(first.read_text(encoding="utf-8"))["weight_map"].values()))
    if strays := [name for name in names if Path(name).name != name]:
        raise ValueError(f"{first.name} names files outside its folder: {', '.join(strays)}")
    return [folder / name for name in names]


def _safe(file: Path) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    with safe_open(file, "np") as weights:  # for torch it would reserve memory for all of the file
        slices = {name: weights.get_slice(name) for name in weights.keys()}  # noqa: SIM118
        return {name: (tuple(one.get_shape()), _DTYPES[one.get_dtype()]) for name, one in slices.items()}


def _pickled(file: Path) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    weights = unpickled(file)
    tensors = {name: one for name, one in weights.items() if torch.is_tensor(one)}
    return {name: (tuple(one.shape), one.dtype) for name, one in tensors.items()}


def unpickled(file: Path) -> dict[str, Any]:
    """What `torch.save` wrote, mapped and not read where its form allows that; nothing in it runs."""
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # written before torch 1.6
        return torch.load(file, map_location="cpu", weights_only=True)


_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "BOOL": torch.bool,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64, "C64": torch.complex64,
}  # fmt: skip
"""The precisions of safetensors."""
