"""What a run begins with: the model, its words, and a hash of both."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.train.config import TrainConfig
from vidal.train.modalities import Modality
from vidal.train.towers.config import VisionConfig
from vidal.train.towers.model import LanguageBind
from vidal.train.transforms.tokens import Words

_TUNED = {"lora": 16, "attention": 0, "full": 0}
"""The rank of LoRA where the training file names none."""


@dataclass(frozen=True)
class Start:
    """A model on the CPU, the tokenizer of its texts, and what both follow from."""

    model: LanguageBind
    words: Words
    origin: str


def start(config: TrainConfig, modality: Modality) -> Start:
    """The model that the training file begins from. Raises ConfigError or MissingError where it cannot be had."""
    import torch

    torch.manual_seed(config.seed)
    found = _from_checkpoint(config) if config.start.checkpoint else _from_clip(config, modality)
    length = min(config.text_length, found.model.config.text.max_position_embeddings)
    words = Words(found.folder, length)
    if words.size > found.model.config.text.vocab_size:
        raise ConfigError(f"start: the tokenizer of {found.name} has more tokens than its text tower")
    told = {
        "start": models.identity(found.name),
        "towers": asdict(found.model.config),
        "tuning": config.tuning,
        "modality": modality.name,
        "seed": config.seed,
    }
    return Start(found.model, words, hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest())


@dataclass(frozen=True)
class _Found:
    name: str
    folder: Path | None
    model: LanguageBind


def _from_clip(config: TrainConfig, modality: Modality) -> _Found:
    from vidal.train.towers.open_clip import initialised

    name = str(config.start.clip)
    network = models.load("clip", name, device="cpu", dtype="float32").network
    try:
        model = initialised(network, changes(config, modality))
    except ValueError as error:
        raise ConfigError(f"start.clip: {name}: {error}") from error
    path = models.resolve(name)
    return _Found(name, path if isinstance(path, Path) and path.is_dir() else None, model)


def _from_checkpoint(config: TrainConfig) -> _Found:
    from vidal.train.towers.checkpoint import load

    name = str(config.start.checkpoint)
    folder = models.fetch(name)
    try:
        model = load(folder)
    except ValueError as error:
        raise ConfigError(f"start.checkpoint: {name}: {error}") from error
    rank = model.config.vision.lora_r
    if (config.tuning == "lora") is (rank == 0):
        raise ConfigError(f"tuning: {config.tuning} does not fit start.checkpoint: {name} has LoRA of rank {rank}")
    return _Found(name, folder, model)


def changes(config: TrainConfig, modality: Modality) -> dict[str, Any]:
    """The fields of VisionConfig in which the tower differs from the CLIP that it begins from."""
    given = config.tower.model_dump(exclude_none=True)
    found = {"lora_r": _TUNED[config.tuning], **modality.tower}
    found |= {name: value for name, value in given.items() if name in VisionConfig.__dataclass_fields__}
    if "patch_dropout" in given:
        found["force_patch_dropout"] = given["patch_dropout"]
    if given.get("class_token_per_frame"):
        found["clip_type"] = "vl_new"
    if found.get("add_time_attn") and modality.name != "video":
        found["temporal_mlp"] = True
    return found
