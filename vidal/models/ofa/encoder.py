"""The encoder: a picture and a text, read together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import dropout
from transformers.utils import ModelOutput

from vidal.models.ofa.config import OFAConfig
from vidal.models.ofa.layers import EncoderLayer
from vidal.models.ofa.positions import absolute, grid, image_buckets, looked_up, masked, table_rows, token_buckets
from vidal.models.ofa.trunk import Trunk


@dataclass
class EncoderOutput(ModelOutput):
    """What the decoder needs: picture positions first, row by row, then those of the text.

    last_hidden_state float [n, positions, width]; padding_mask bool [n, positions], true for padding;
    position_embedding float [positions, width], the same for all of a batch.
    """

    last_hidden_state: torch.Tensor | None = None
    padding_mask: torch.Tensor | None = None
    position_embedding: torch.Tensor | None = None


class Encoder(nn.Module):
    """Token ids and a picture to EncoderOutput. Positions act on attention alone, not on the hidden states."""

    main_input_name = "input_ids"

    def __init__(self, config: OFAConfig) -> None:
        super().__init__()
        width, heads, layers = config.d_model, config.encoder_attention_heads, config.encoder_layers
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, width, config.pad_token_id)
        self.layernorm_embedding = nn.LayerNorm(width)
        self.type_embedding = nn.Embedding(2, width)
        self.embed_images = Trunk(config)
        self.image_proj = nn.Linear(16 * config.resnet_width, width)
        self.patch_layernorm_embedding = nn.LayerNorm(width)
        self.embed_positions = nn.Embedding(config.max_position_embeddings + 2, width)
        self.embed_image_positions = nn.Embedding(config.image_bucket_size**2 + 1, width)
        self.pos_ln, self.image_pos_ln = nn.LayerNorm(width), nn.LayerNorm(width)
        self.pos_q_linear, self.pos_k_linear = nn.Linear(width, width), nn.Linear(width, width)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(layers))
        self.layer_norm = nn.LayerNorm(width)
        self.token_rel_pos_table_list = nn.ModuleList(
            nn.Embedding(2 * config.token_bucket_size - 1, heads) for _ in range(layers)
        )
        self.image_rel_pos_table_list = nn.ModuleList(
            nn.Embedding(table_rows(config.image_bucket_size), heads) for _ in range(layers)
        )

    def forward(self, input_ids: torch.Tensor, patch_images: torch.Tensor, **_: Any) -> EncoderOutput:
        """`input_ids` int64 [n, length], padded on the right with the pad id; `patch_images` float [n, 3, H, W], -1..1.

        Raises ValueError for a picture or a text of more positions than there are.
        """
        features = self.embed_images(patch_images)
        self._check(features.shape[-2:], input_ids.shape[-1])
        hidden, padding = self._embedded(features, input_ids)
        rows, columns = grid(*features.shape[-2:], device=features.device)
        text = torch.arange(input_ids.shape[-1], device=features.device)
        positions = self._positions(rows, columns, text)
        shared = self._absolute(positions)
        near = token_buckets(text, text, self.config.token_bucket_size)
        beside = image_buckets(rows, columns, self.config.image_bucket_size)
        padded = bool(padding.any())
        for index, layer in enumerate(self.layers):
            bias = shared.clone()
            bias[:, len(rows) :, len(rows) :] += looked_up(self.token_rel_pos_table_list[index], near)
            bias[:, : len(rows), : len(rows)] += looked_up(self.image_rel_pos_table_list[index], beside)
            hidden = layer(hidden, masked(bias[None], padding[:, None, None, :]) if padded else bias[None])
        return EncoderOutput(self.layer_norm(hidden), padding, positions)

    def _check(self, cells: torch.Size, length: int) -> None:
        most = self.config.image_bucket_size
        if max(cells) > most:
            raise ValueError(f"a picture of {cells[0]} x {cells[1]} positions; this OFA has {most} x {most}")
        if length > self.config.max_position_embeddings:
            raise ValueError(f"a text of {length} tokens; this OFA has {self.config.max_position_embeddings} positions")

    def _embedded(self, features: torch.Tensor, input_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The input of the first layer [n, positions, width], zero where padded, and which positions are."""
        types = self.type_embedding.weight
        picture = self.image_proj(features.flatten(2).transpose(1, 2)) + types[1]
        words = self.embed_tokens(input_ids) + types[0]
        pieces = [self.patch_layernorm_embedding(picture), self.layernorm_embedding(words)]
        padding = input_ids == self.config.pad_token_id
        padding = torch.cat([padding.new_zeros(picture.shape[:2]), padding], dim=1)
        hidden = dropout(torch.cat(pieces, dim=1), self.config.dropout, self.training)
        return hidden.masked_fill(padding[..., None], 0.0), padding

    def _positions(self, rows: torch.Tensor, columns: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        cells = self.embed_image_positions(rows * self.config.image_bucket_size + columns + 1)
        return torch.cat([self.image_pos_ln(cells), self.pos_ln(self.embed_positions(text))])

    def _absolute(self, positions: torch.Tensor) -> torch.Tensor:
        heads, factor = self.config.encoder_attention_heads, self.config.attn_scale_factor
        return absolute(self.pos_q_linear(positions), self.pos_k_linear(positions), heads, factor)
