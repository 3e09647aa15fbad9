"""Small models of every modality, begun from the demo's CLIP, with LoRA that does something."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import torch

from vidal import models
from vidal.train.modalities import modality
from vidal.train.towers.checkpoint import save
from vidal.train.towers.config import to_json
from vidal.train.towers.model import LanguageBind
from vidal.train.towers.open_clip import initialised
from vidal.train.transforms.tokens import Words

SMALL = {"audio": {"num_mel_bins": 32, "target_length": 48}}
"""Where the published shapes are large."""


def towers(name: str, **changes: Any) -> LanguageBind:
    torch.manual_seed(zlib.crc32(name.encode()))
    network = models.load("clip", "demo:clip", device="cpu", dtype="float32").network
    fields = {"lora_r": 2, **modality(name).tower, **SMALL.get(name, {}), **changes}
    if name != "video" and fields.get("add_time_attn"):
        fields["temporal_mlp"] = True
    model = initialised(network, fields).eval()
    with torch.no_grad():
        for weight_name, weight in model.named_parameters():
            if "lora_B" in weight_name:
                weight.normal_(0.0, 0.3)
    return model


def stored(folder: Path, name: str, model: LanguageBind | None = None, **changes: Any) -> str:
    """A model as a training leaves it."""
    made = model if model is not None else towers(name, **changes)
    save(made, folder, to_json(made.config, name))
    Words(Path(models.resolve("demo:clip"))).save(folder)
    return str(folder)
