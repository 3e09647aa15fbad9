"""Attention and the two kinds of layers. Norms stand before each step and, within it, before what is added back."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import dropout, gelu, scaled_dot_product_attention
from transformers import EncoderDecoderCache

from vidal.models.ofa.config import OFAConfig

KeysValues = tuple[torch.Tensor, torch.Tensor]


class Attention(nn.Module):
    """Multi-head attention with a bias on its scores and a learned scale per head.

    Scores are divided by sqrt(2 * head size): the factor 2 is fixed, unlike that of the position bias.
    """

    def __init__(self, config: OFAConfig, heads: int) -> None:
        super().__init__()
        width = config.d_model
        self.heads, self.dropout = heads, config.attention_dropout
        self.scale = (width // heads * 2) ** -0.5
        self.c_attn = nn.Parameter(torch.ones(heads))
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def keys_values(self, source: torch.Tensor) -> KeysValues:
        """What is attended to, from [n, keys, width]: two of [n, heads, keys, head size]."""
        keys, values = self.k_proj(source), self.v_proj(source)
        return tuple(one.unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in (keys, values))

    def forward(self, hidden: torch.Tensor, attended: KeysValues, bias: torch.Tensor) -> torch.Tensor:
        """[rows, queries, width] to the same. `bias` is [n or 1, heads, queries, keys].

        `rows` is a multiple of n: that many rows in a row (the beams of a picture) attend to the same keys, each with
        the same bias.
        """
        keys, values = attended
        rows, length, _ = hidden.shape
        shared = rows // len(keys)
        queries = self.q_proj(hidden).view(len(keys), shared * length, self.heads, -1).transpose(1, 2)
        found = scaled_dot_product_attention(
            queries, keys, values, bias.repeat(1, 1, shared, 1) if shared > 1 else bias,
            dropout_p=self.dropout if self.training else 0.0, scale=self.scale,
        ).transpose(1, 2)  # fmt: skip
        return self.out_proj((found * self.c_attn[:, None]).reshape(rows, length, -1))


class Layer(nn.Module):
    """What the layers of encoder and decoder share: attention to one's own kind, then a feed-forward step."""

    def __init__(self, config: OFAConfig, heads: int, inner: int) -> None:
        super().__init__()
        width = config.d_model
        self.self_attn = Attention(config, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.self_attn_mid_layer_norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.ffn_layer_norm = nn.LayerNorm(inner)
        self.final_layer_norm = nn.LayerNorm(width)
        self.dropout, self.activation_dropout = config.dropout, config.activation_dropout

    def added(self, hidden: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """`hidden` with the result of a step added."""
        return hidden + dropout(step, self.dropout, self.training)

    def feed(self, hidden: torch.Tensor) -> torch.Tensor:
        """The feed-forward step."""
        inner = gelu(self.fc1(self.final_layer_norm(hidden)))
        inner = dropout(inner, self.activation_dropout, self.training)
        return self.added(hidden, self.fc2(self.ffn_layer_norm(inner)))


class EncoderLayer(Layer):
    """[n, positions, width] to the same."""

    def __init__(self, config: OFAConfig) -> None:
        super().__init__(config, config.encoder_attention_heads, config.encoder_ffn_dim)

    def forward(self, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        normed = self.self_attn_layer_norm(hidden)
        found = self.self_attn(normed, self.self_attn.keys_values(normed), bias)
        return self.feed(self.added(hidden, self.self_attn_mid_layer_norm(found)))


class DecoderLayer(Layer):
    """[rows, new positions, width] to the same, with a look at the encoder's output [n, positions, width]."""

    def __init__(self, config: OFAConfig, index: int) -> None:
        super().__init__(config, config.decoder_attention_heads, config.decoder_ffn_dim)
        self.index = index
        self.cross_attn = Attention(config, config.decoder_attention_heads)
        self.cross_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.cross_attn_mid_layer_norm = nn.LayerNorm(config.d_model)

    def forward(
        self, hidden: torch.Tensor, bias: torch.Tensor, encoded: torch.Tensor, cross_bias: torch.Tensor,
        cache: EncoderDecoderCache | None = None,
    ) -> torch.Tensor:  # fmt: skip
        normed = self.self_attn_layer_norm(hidden)
        attended = self.self_attn.keys_values(normed)
        if cache is not None:
            attended = cache.self_attention_cache.update(*attended, self.index)
        found = self.self_attn(normed, attended, bias)
        hidden = self.added(hidden, self.self_attn_mid_layer_norm(found))
        normed = self.cross_attn_layer_norm(hidden)
        found = self.cross_attn(normed, self._encoded(encoded, cache), cross_bias)
        return self.feed(self.added(hidden, self.cross_attn_mid_layer_norm(found)))

    def _encoded(self, encoded: torch.Tensor, cache: EncoderDecoderCache | None) -> KeysValues:
        if cache is None:
            return self.cross_attn.keys_values(encoded)
        if not cache.is_updated.get(self.index):
            cache.is_updated[self.index] = True
            return cache.cross_attention_cache.update(*self.cross_attn.keys_values(encoded), self.index)
        stored = cache.cross_attention_cache.layers[self.index]
        return stored.keys, stored.values
