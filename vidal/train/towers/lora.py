"""LoRA in a vision tower, by peft, and the names it has in published files.

Published files were written with a peft of mid-2023, where the wrapped layer's own weights keep their names; peft now
calls them `base_layer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vidal.train.towers.config import VisionConfig
from vidal.train.towers.vision import VisionTower

_ATTENTION = ("k_proj", "v_proj", "q_proj", "out_proj")
_BASE = ".base_layer."
_MATRIX = ".lora_A.default.weight"


def targets(config: VisionConfig) -> list[str]:
    """The layers that get LoRA: those of temporal attention where there is one, else of spatial attention."""
    if not config.add_time_attn:
        return [f"self_attn.{name}" for name in _ATTENTION]
    inner = ["temporal_mlp.fc1", "temporal_mlp.fc2"] if config.temporal_mlp else []
    return [*(f"temporal_attn.{name}" for name in _ATTENTION), *inner]


def add_lora(tower: VisionTower, config: VisionConfig) -> None:
    """Wrap the tower's encoder: rank `lora_r`, scale `lora_alpha` / `lora_r`; A uniform after Kaiming, B zero."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=config.lora_r, lora_alpha=config.lora_alpha, lora_dropout=config.lora_dropout, bias="none",
        target_modules=targets(config),
    )  # fmt: skip
    tower.encoder = get_peft_model(tower.encoder, lora)


def published_name(name: str) -> str:
    """The name that a weight has in a published file."""
    return name.replace(_BASE, ".")


def own_names(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of a published file under the names that peft gives them."""
    wrapped = {name.removesuffix(_MATRIX) for name in weights if name.endswith(_MATRIX)}
    return {_own_name(name, wrapped): value for name, value in weights.items()}


def _own_name(name: str, wrapped: set[str]) -> str:
    layer, _, leaf = name.rpartition(".")
    return f"{layer}{_BASE}{leaf}" if layer in wrapped else name


def merged(tower: VisionTower) -> None:
    """Add the product of its matrices to each wrapped layer, and unwrap it: the same function without LoRA."""
    tower.encoder = tower.encoder.merge_and_unload()
