"""What a LanguageBind checkpoint says of itself in `config.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TextConfig:
    """The text tower: a CLIP text transformer."""

    vocab_size: int = 49408
    hidden_size: int = 512
    intermediate_size: int = 2048
    num_hidden_layers: int = 12
    num_attention_heads: int = 8
    max_position_embeddings: int = 77
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5


@dataclass(frozen=True)
class VisionConfig:
    """A vision tower. The defaults are those of the published classes, where a missing `lora_r` means rank 2."""

    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_channels: int = 3
    image_size: int = 224
    patch_size: int = 32
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    add_time_attn: bool = False
    num_frames: int = 1
    force_patch_dropout: float = 0.0
    lora_r: int = 2
    lora_alpha: int = 16
    lora_dropout: float = 0.0
    num_mel_bins: int = 0
    target_length: int = 0
    max_depth: float = 10.0
    audio_sample_rate: int = 16000
    audio_mean: float = 0.5
    audio_std: float = 0.5
    clip_type: str = ""
    """`vl_new`: a class token for each frame, and a patch embedding that is three-dimensional."""
    temporal_mlp: bool = False
    """Whether temporal attention is followed by an MLP of its own: so in the published classes of all modalities but
    video. No key of a file: the model's name says it."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        height, width = self.picture
        return height // self.patch_size, width // self.patch_size

    @property
    def picture(self) -> tuple[int, int]:
        """Height and width of what is looked at: mel bins and frames where both are set, else the square picture."""
        if self.num_mel_bins and self.target_length:
            return self.num_mel_bins, self.target_length
        return self.image_size, self.image_size

    @property
    def class_token_per_frame(self) -> bool:
        return self.clip_type == "vl_new"


@dataclass(frozen=True)
class TowerConfig:
    """Both towers of one checkpoint, and the width they meet in."""

    text: TextConfig
    vision: VisionConfig
    projection_dim: int = 512
    logit_scale_init_value: float = 2.6592
    """ln(1 / 0.07)."""


def read(file: Path) -> TowerConfig:
    """The configuration in a `config.json`. Raises ValueError, naming the file, for one that is no LanguageBind."""
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return of_json(stored)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} describes no LanguageBind checkpoint: {error}") from error


def of_json(stored: Mapping[str, Any]) -> TowerConfig:
    """The configuration in the form of a published `config.json`; keys not named here change nothing."""
    vision = _section(VisionConfig, stored["vision_config"])
    video = "video" in str(stored.get("model_type", "")).lower()
    return TowerConfig(
        text=_section(TextConfig, stored["text_config"]),
        vision=replace(vision, temporal_mlp=vision.add_time_attn and not video),
        projection_dim=int(stored.get("projection_dim", TowerConfig.projection_dim)),
        logit_scale_init_value=float(stored.get("logit_scale_init_value", TowerConfig.logit_scale_init_value)),
    )


def to_json(config: TowerConfig, modality: str) -> dict[str, Any]:
    """The configuration as a published `config.json` holds it; `modality` names the class that reads it."""
    vision = {name: value for name, value in asdict(config.vision).items() if name != "temporal_mlp"}
    name = f"LanguageBind{modality.capitalize()}"
    return {
        "model_type": name,
        "architectures": [name],
        "projection_dim": config.projection_dim,
        "logit_scale_init_value": config.logit_scale_init_value,
        "text_config": {"model_type": "clip_text_model", **asdict(config.text)},
        "vision_config": {"model_type": "clip_vision_model", **vision},
    }


def _section(kind: Any, stored: Mapping[str, Any]) -> Any:
    """The known keys of a section, each of the type of its default: files hold 112.0 mel bins."""
    known = {field.name: field for field in fields(kind) if field.name != "temporal_mlp"}
    found = {name: value for name, value in stored.items() if name in known and value is not None}
    return kind(**{name: type(known[name].default)(value) for name, value in found.items()})
