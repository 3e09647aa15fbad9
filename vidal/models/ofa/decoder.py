"""The decoder: the next token of a text, given what the encoder read."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import dropout
from transformers import EncoderDecoderCache

from vidal.models.ofa.config import OFAConfig
from vidal.models.ofa.encoder import EncoderOutput
from vidal.models.ofa.layers import DecoderLayer
from vidal.models.ofa.positions import absolute, looked_up, masked, table_rows, token_buckets


class Decoder(nn.Module):
    """Token ids to logits.

    The norms, embeddings and tables of generated pictures are in every checkpoint and have no part in captions.
    """

    def __init__(self, config: OFAConfig) -> None:
        super().__init__()
        width, heads, layers = config.d_model, config.decoder_attention_heads, config.decoder_layers
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, width, config.pad_token_id)
        self.layernorm_embedding, self.code_layernorm_embedding = nn.LayerNorm(width), nn.LayerNorm(width)
        self.embed_positions = nn.Embedding(config.max_position_embeddings + 2, width)
        self.embed_image_positions = nn.Embedding(config.image_bucket_size**2 + 1, width)
        self.pos_ln, self.image_pos_ln = nn.LayerNorm(width), nn.LayerNorm(width)
        self.self_pos_q_linear, self.self_pos_k_linear = nn.Linear(width, width), nn.Linear(width, width)
        self.cross_pos_q_linear, self.cross_pos_k_linear = nn.Linear(width, width), nn.Linear(width, width)
        self.layers = nn.ModuleList(DecoderLayer(config, index) for index in range(layers))
        self.layer_norm = nn.LayerNorm(width)
        self.output_projection = nn.Linear(width, config.vocab_size, bias=False)
        self.token_rel_pos_table_list = nn.ModuleList(
            nn.Embedding(2 * config.token_bucket_size - 1, heads) for _ in range(layers)
        )
        self.image_rel_pos_table_list = nn.ModuleList(
            nn.Embedding(table_rows(config.image_bucket_size), heads) for _ in range(layers)
        )

    def forward(
        self, input_ids: torch.Tensor, encoded: EncoderOutput, cache: EncoderDecoderCache | None = None
    ) -> torch.Tensor:
        """`input_ids` int64 [rows, new], which follow the tokens in the cache, to logits float [rows, new, vocabulary].

        `rows` is a multiple of the number of pictures encoded, the rows of each picture in a row.
        """
        past = cache.get_seq_length() if cache is not None else 0
        keys = torch.arange(past + input_ids.shape[1], device=input_ids.device)
        queries = keys[past:]
        vectors = self.pos_ln(self.embed_positions(keys))
        own = self._absolute(self.self_pos_q_linear(vectors[past:]), self.self_pos_k_linear(vectors))
        own = masked(own, keys[None, :] > queries[:, None])
        seen = encoded.position_embedding
        cross = self._absolute(self.cross_pos_q_linear(vectors[past:]), self.cross_pos_k_linear(seen))[None]
        if encoded.padding_mask.any():
            cross = masked(cross, encoded.padding_mask[:, None, None, :])
        near = token_buckets(queries, keys, self.config.token_bucket_size)
        hidden = dropout(self.layernorm_embedding(self.embed_tokens(input_ids)), self.config.dropout, self.training)
        for layer, table in zip(self.layers, self.token_rel_pos_table_list, strict=True):
            bias = (own + looked_up(table, near))[None]
            hidden = layer(hidden, bias, encoded.last_hidden_state, cross, cache)
        return self.output_projection(self.layer_norm(hidden))

    def _absolute(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        return absolute(queries, keys, self.config.decoder_attention_heads, self.config.attn_scale_factor)
