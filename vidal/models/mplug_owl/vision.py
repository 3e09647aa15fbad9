"""The vision tower: pictures or clips to a feature per patch, by CLIP's transformer."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from vidal.models.mplug_owl.config import MplugOwlVisionConfig
from vidal.models.mplug_owl.temporal import Temporal, quick_gelu


class Embeddings(nn.Module):
    """Patches, a class token before them, and a learned position for each."""

    def __init__(self, config: MplugOwlVisionConfig) -> None:
        super().__init__()
        width, patch = config.hidden_size, config.patch_size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embedding = nn.Parameter(torch.zeros(1, config.positions, width))
        self.patch_embed = nn.Conv2d(config.num_channels, width, patch, stride=patch, bias=False)
        self.pre_layernorm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        patches = self.patch_embed(pictures).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        return self.pre_layernorm(x + self.position_embedding)


class Attention(nn.Module):
    """Self-attention whose one projection gives, head by head, the query, the key and the value."""

    def __init__(self, config: MplugOwlVisionConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        split = self.query_key_value(x).unflatten(-1, (self.heads, 3, -1)).transpose(1, 2)
        joined = scaled_dot_product_attention(*split.unbind(-2))
        return self.dense(joined.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two linear layers."""

    def __init__(self, config: MplugOwlVisionConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(quick_gelu(self.fc1(x)))


class VisionLayer(nn.Module):
    """A pre-norm transformer layer; in a network for clips it first mixes the frames of a clip."""

    def __init__(self, config: MplugOwlVisionConfig, temporal: bool) -> None:
        super().__init__()
        if temporal:
            self.temporal = Temporal(config)
        self.self_attn = Attention(config)
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = Mlp(config)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: torch.Tensor, frames: int) -> torch.Tensor:
        """[clips * frames, positions, width] to the same; pictures have one frame each."""
        if frames > 1:
            x = x + self.temporal(x.unflatten(0, (-1, frames))).flatten(0, 1)
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class VisionEncoder(nn.Module):
    """The layers."""

    def __init__(self, config: MplugOwlVisionConfig, temporal: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VisionLayer(config, temporal) for _ in range(config.num_hidden_layers))

    def forward(self, x: torch.Tensor, frames: int) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x, frames)
        return x


class VisionModel(nn.Module):
    """The tower."""

    def __init__(self, config: MplugOwlVisionConfig, temporal: bool) -> None:
        super().__init__()
        self.temporal = temporal
        self.size = (config.num_channels, config.image_size, config.image_size)
        self.embeddings = Embeddings(config)
        self.encoder = VisionEncoder(config, temporal)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pictures [n, 3, S, S] or clips [n, 3, frames, S, S] to [n, frames * positions, width], frame after frame.

        Raises ValueError for a clip of one frame, a clip where the network is for pictures, and another size than S.
        """
        clips = pixels.unsqueeze(2) if pixels.dim() == 4 else pixels
        frames = clips.shape[2]
        if pixels.dim() == 5 and not (self.temporal and frames > 1):
            raise ValueError("a clip needs two frames or more, and a network with temporal modules")
        pictures = clips.transpose(1, 2).flatten(0, 1)
        if pictures.shape[1:] != self.size:
            raise ValueError(f"pictures of {tuple(pictures.shape[1:])}; this network takes {self.size}")
        x = self.encoder(self.embeddings(pictures), frames)
        return self.post_layernorm(x).unflatten(0, (-1, frames)).flatten(1, 2)
