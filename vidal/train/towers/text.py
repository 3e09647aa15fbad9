"""The text tower."""

from __future__ import annotations

import torch
from torch import nn

from vidal.train.towers.config import TextConfig
from vidal.train.towers.layers import Attention, Mlp


class TextTower(nn.Module):
    """A CLIP text transformer: causal, pre-norm, pooled at the token of the greatest id, which is the end."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.encoder = _Encoder(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids int64 [n, length], and which of them are no padding, to hidden states [n, length, width] and what
        stands for the whole text, [n, width]."""
        length = ids.shape[1]
        allowed = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()[None, None]
        if mask is not None:
            allowed = allowed & mask.bool()[:, None, None, :]
        hidden = self.embeddings(ids)
        for layer in self.encoder.layers:
            hidden = layer(hidden, allowed)
        hidden = self.final_layer_norm(hidden)
        return hidden, hidden[torch.arange(len(ids), device=ids.device), ids.argmax(1)]


class _Embeddings(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_position_embeddings, config.hidden_size)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.token_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]


class _Encoder(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))


class _Layer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.self_attn = Attention(width, config.num_attention_heads)
        self.layer_norm1 = nn.LayerNorm(width, config.layer_norm_eps)
        self.mlp = Mlp(width, config.intermediate_size, config.hidden_act)
        self.layer_norm2 = nn.LayerNorm(width, config.layer_norm_eps)

    def forward(self, hidden: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
        hidden = hidden + self.self_attn(self.layer_norm1(hidden), allowed)
        return hidden + self.mlp(self.layer_norm2(hidden))
