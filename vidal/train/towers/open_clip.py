"""From a CLIP of open_clip to the towers that training begins with."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from vidal.train.towers.config import TextConfig, TowerConfig, VisionConfig
from vidal.train.towers.model import LanguageBind
from vidal.train.towers.patches import resized_positions
from vidal.train.transforms.square import MEAN, STD

TEMPERATURE = 0.07
"""Where the learnt temperature begins, whatever the CLIP's own."""

_NAMES = (
    (r"^text\.", ""),
    (r"^visual\.class_embedding$", "vision_model.embeddings.class_embedding"),
    (r"^visual\.conv1\.", "vision_model.embeddings.patch_embedding."),
    (r"^visual\.positional_embedding$", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"^visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"^visual\.transformer\.resblocks\.", "vision_model.encoder.layers."),
    (r"^visual\.proj$", "visual_projection.weight"),
    (r"^token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"^positional_embedding$", "text_model.embeddings.position_embedding.weight"),
    (r"^ln_final\.", "text_model.final_layer_norm."),
    (r"^transformer\.resblocks\.", "text_model.encoder.layers."),
    (r"^text_projection$", "text_projection.weight"),
    (r"\.attn\.", ".self_attn."),
    (r"\.ln_(\d)\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
)
_EMBEDDINGS = "vision_model.embeddings."
_TRANSPOSED = ("visual_projection.weight", "text_projection.weight")
_STACKED = re.compile(r"in_proj_(weight|bias)$")
_DRAWN = re.compile(r"temporal_embedding$|\.lora_[AB]\.")
"""What training begins with at random."""


def initialised(network: Any, changes: Mapping[str, Any]) -> LanguageBind:
    """The towers of a modality, begun from `network`, a CLIP of open_clip with a vision transformer.

    `changes` are the fields of VisionConfig in which the modality differs from the CLIP. Attention over time begins as
    a copy of the same layer's attention over places, its embedding at random; a class token for each frame, as a copy
    of the one; positions are resized to the modality's grid. Towers are shown pictures in the colours of OpenAI's
    CLIPs: where this one has others, the difference goes into its patch embedding. Random numbers come from torch's
    generator of the CPU. Raises ValueError for a network of another kind.
    """
    config = _config(network, changes)
    if min(config.vision.grid) < 1:
        raise ValueError(f"this tower has no room for a patch of {config.vision.patch_size} points")
    model = LanguageBind(config)
    weights = renamed(network.state_dict())
    _recolour(weights, network.visual.image_mean, network.visual.image_std)
    weights = _fitted(weights, config.vision)
    wanted = {name.replace(".base_layer.", "."): name for name in model.state_dict()}
    named = {wanted.get(_under_lora(name, wanted), name): value.float() for name, value in weights.items()}
    report = model.load_state_dict(named, strict=False)
    absent = [name for name in report.missing_keys if not _DRAWN.search(name)]
    if absent or report.unexpected_keys:
        raise ValueError(f"no CLIP that LanguageBind can begin with: lacks {absent}, has {report.unexpected_keys}")
    with torch.no_grad():
        model.logit_scale.fill_(math.log(1 / TEMPERATURE))
    return model


def renamed(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of an open_clip model under the names of the towers."""
    found = {}
    for stored, value in weights.items():
        name = stored
        for pattern, replacement in _NAMES:
            name = re.sub(pattern, replacement, name)
        if match := _STACKED.search(name):
            for letter, part in zip("qkv", value.chunk(3), strict=True):
                found[f"{name[: match.start()]}{letter}_proj.{match[1]}"] = part
        elif name != "attn_mask":
            found[name] = value.T if name in _TRANSPOSED else value
    return found


def _config(network: Any, changes: Mapping[str, Any]) -> TowerConfig:
    visual = network.visual
    text = getattr(network, "text", network)
    try:
        layers, words = visual.transformer.resblocks, text.transformer.resblocks
        vision = VisionConfig(
            hidden_size=visual.conv1.out_channels,
            intermediate_size=layers[0].mlp.c_fc.out_features,
            num_hidden_layers=len(layers),
            num_attention_heads=layers[0].attn.num_heads,
            image_size=visual.image_size[0],
            patch_size=visual.conv1.kernel_size[0],
            hidden_act=_activation(layers[0]),
            layer_norm_eps=visual.ln_post.eps,
            lora_r=0,
        )
        language = TextConfig(
            vocab_size=text.token_embedding.num_embeddings,
            hidden_size=text.token_embedding.embedding_dim,
            intermediate_size=words[0].mlp.c_fc.out_features,
            num_hidden_layers=len(words),
            num_attention_heads=words[0].attn.num_heads,
            max_position_embeddings=len(text.positional_embedding),
            hidden_act=_activation(words[0]),
            layer_norm_eps=text.ln_final.eps,
        )
    except AttributeError as error:
        raise ValueError(f"no CLIP of a vision and a text transformer: {error}") from error
    return TowerConfig(language, replace(vision, **changes), projection_dim=visual.proj.shape[1])


def _activation(block: Any) -> str:
    return "quick_gelu" if type(block.mlp.gelu).__name__ == "QuickGELU" else "gelu"


def _recolour(weights: dict[str, torch.Tensor], mean: Sequence[float], std: Sequence[float]) -> None:
    """Let pictures normalised by MEAN and STD be what those normalised by `mean` and `std` were: a factor for each
    colour of the patch embedding, and what it adds to every patch, which becomes part of its place."""
    kernel = weights[f"{_EMBEDDINGS}patch_embedding.weight"]
    common, spread = torch.tensor(MEAN), torch.tensor(STD)
    factor = spread / torch.tensor(std)
    shift = (common - torch.tensor(mean)) / torch.tensor(std)
    table = weights[f"{_EMBEDDINGS}position_embedding.weight"].clone()
    table[1:] += torch.einsum("dchw,c->d", kernel, shift)
    weights[f"{_EMBEDDINGS}position_embedding.weight"] = table
    weights[f"{_EMBEDDINGS}patch_embedding.weight"] = kernel * factor[:, None, None]


def _fitted(weights: dict[str, torch.Tensor], vision: VisionConfig) -> dict[str, torch.Tensor]:
    """The weights with what the modality's tower has besides, made from them."""
    fitted = dict(weights)
    table = fitted[f"{_EMBEDDINGS}position_embedding.weight"]
    fitted[f"{_EMBEDDINGS}position_embedding.weight"] = resized_positions(table, vision.grid)
    if vision.class_token_per_frame:
        fitted[f"{_EMBEDDINGS}class_embedding"] = fitted[f"{_EMBEDDINGS}class_embedding"].repeat(vision.num_frames, 1)
        fitted[f"{_EMBEDDINGS}patch_embedding.weight"] = fitted[f"{_EMBEDDINGS}patch_embedding.weight"].unsqueeze(2)
    if vision.add_time_attn:
        copies = [("self_attn", "temporal_attn"), ("layer_norm1", "temporal_layer_norm1")]
        copies += [("layer_norm2", "temporal_layer_norm2"), ("mlp", "temporal_mlp")] if vision.temporal_mlp else []
        layers = [name for name in weights if name.startswith("vision_model.encoder.layers.")]
        for part, copy in copies:
            fitted |= {n.replace(f".{part}.", f".{copy}."): weights[n] for n in layers if f".{part}." in n}
    return fitted


def _under_lora(name: str, wanted: Mapping[str, str]) -> str:
    """The name of a weight inside an encoder that peft has wrapped, where it has."""
    inside = name.replace("vision_model.encoder.", "vision_model.encoder.base_model.model.", 1)
    return inside if inside in wanted else name
