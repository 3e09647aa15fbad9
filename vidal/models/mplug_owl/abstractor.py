"""The visual abstractor: learned queries that gather the features of a picture or clip into a few vectors."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention, silu

from vidal.models.mplug_owl.config import MplugOwlConfig, MplugOwlVisualAbstractorConfig

_EPS = 1e-5
"""Of the norms around the attention, whatever the configuration says; `layer_norm_eps` is that of the MLP."""


class GatedMlp(nn.Module):
    """A gated MLP with a norm before its last layer."""

    def __init__(self, config: MplugOwlVisualAbstractorConfig, inner: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(config.hidden_size, inner)
        self.w2 = nn.Linear(inner, config.hidden_size)
        self.w3 = nn.Linear(config.hidden_size, inner)
        self.ffn_ln = nn.LayerNorm(inner, eps=config.layer_norm_eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.w2(self.ffn_ln(silu(self.w1(x)) * self.w3(x)))


class CrossAttention(nn.Module):
    """Queries [n, q, width] that look at `seen` [n, s, width]."""

    def __init__(self, config: MplugOwlVisualAbstractorConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.encoder_hidden_size, config.hidden_size)
        self.value = nn.Linear(config.encoder_hidden_size, config.hidden_size)

    def forward(self, queries: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        parts = (self.query(queries), self.key(seen), self.value(seen))
        joined = scaled_dot_product_attention(*(x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in parts))
        return joined.transpose(1, 2).flatten(2)


class Output(nn.Module):
    """What follows the attention: projection, sum with the queries, MLP."""

    def __init__(self, config: MplugOwlVisualAbstractorConfig, inner: int) -> None:
        super().__init__()
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=_EPS)
        self.mlp = GatedMlp(config, inner)

    def forward(self, queries: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        x = queries + self.out_proj(found)
        return x + self.mlp(self.norm2(x))


class AbstractorAttention(nn.Module):
    """Queries attend to themselves and to the source in one softmax. What is carried on is the normalised query."""

    def __init__(self, config: MplugOwlVisualAbstractorConfig, inner: int) -> None:
        super().__init__()
        self.attention = CrossAttention(config)
        self.output = Output(config, inner)
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=_EPS)
        self.normk = nn.LayerNorm(config.encoder_hidden_size, eps=_EPS)

    def forward(self, queries: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        queries = self.norm1(queries)
        return self.output(queries, self.attention(queries, torch.cat([queries, self.normk(source)], dim=1)))


class AbstractorLayer(nn.Module):
    """A layer, by the name it has in the published weights."""

    def __init__(self, config: MplugOwlVisualAbstractorConfig, inner: int) -> None:
        super().__init__()
        self.crossattention = AbstractorAttention(config, inner)

    def forward(self, queries: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        return self.crossattention(queries, source)


class AbstractorEncoder(nn.Module):
    """The layers."""

    def __init__(self, config: MplugOwlVisualAbstractorConfig, inner: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(AbstractorLayer(config, inner) for _ in range(config.num_hidden_layers))

    def forward(self, queries: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            queries = layer(queries, source)
        return queries


class Abstractor(nn.Module):
    """The abstractor, up to the width of the language model."""

    def __init__(self, config: MplugOwlConfig) -> None:
        super().__init__()
        abstractor, words = config.visual_abstractor_config, config.text_config.hidden_size
        self.encoder = AbstractorEncoder(abstractor, config.mlp_width)
        self.visual_fc = nn.Linear(abstractor.hidden_size, words)
        if config.temporal:
            self.temporal_visual_fc = nn.Linear(abstractor.hidden_size, words)
        self.vit_eos = nn.Parameter(torch.zeros(1, 1, words))

    def forward(self, source: torch.Tensor, queries: torch.Tensor, temporal: torch.Tensor | None) -> torch.Tensor:
        """Features [n, s, width] and queries [1, q, width] to [n, q + 1, width of words], an end vector last.

        `temporal` are the further queries of a clip, whose answers are added to those of the first.
        """
        asked = queries if temporal is None else torch.cat([queries, temporal], dim=1)
        told = self.encoder(asked.expand(len(source), -1, -1), source)
        vectors = self.visual_fc(told[:, : queries.shape[1]])
        if temporal is not None:
            vectors = vectors + self.temporal_visual_fc(told[:, queries.shape[1] :])
        return torch.cat([vectors, self.vit_eos.expand(len(source), -1, -1)], dim=1)
