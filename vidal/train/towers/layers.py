"""The layers that both towers are made of."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention


class Attention(nn.Module):
    """Self-attention with a projection each for queries, keys, values and the result."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """[n, tokens, width] to the same; `mask` is bool [n, 1, tokens, tokens], true where a query may look."""
        query, key, value = (self._split(project(hidden)) for project in (self.q_proj, self.k_proj, self.v_proj))
        seen = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out_proj(seen.transpose(1, 2).flatten(2))

    def _split(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Mlp(nn.Module):
    """Two linear layers."""

    def __init__(self, width: int, inner: int, activation: str) -> None:
        from transformers.activations import ACT2FN

        super().__init__()
        self.activation = ACT2FN[activation]
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.activation(self.fc1(hidden)))
