"""The vision tower of a modality: a CLIP vision transformer with, for clips, attention over time in every layer."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import conv2d

from vidal.train.towers.config import VisionConfig
from vidal.train.towers.layers import Attention, Mlp
from vidal.train.towers.patches import kept_patches, random_patches


class VisionTower(nn.Module):
    """Pictures, or clips, or spectrograms as pictures, to one vector each."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.encoder = Encoder(config)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, pixels: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Pictures [n, 3, H, W] or clips [n, 3, frames, H, W] to [n, width]: the mean over its frames of the class
        token's norm.

        In training, `force_patch_dropout` leaves patches out, the same ones of all frames of a clip. `kept`, int64
        [n, patches kept], says which are seen instead.
        """
        hidden, frames = self.hidden(pixels, kept)
        return self.post_layernorm(hidden[:, 0]).unflatten(0, (-1, frames)).mean(1)

    @property
    def encoder_layers(self) -> Encoder:
        """The encoder itself, inside what peft has made of it."""
        return self.encoder.get_base_model() if hasattr(self.encoder, "get_base_model") else self.encoder

    def hidden(self, pixels: torch.Tensor, kept: torch.Tensor | None = None) -> tuple[torch.Tensor, int]:
        """The last layer's states [n * frames, 1 + patches, width], not normed, and the number of frames of a clip."""
        clips = pixels.unsqueeze(2) if pixels.dim() == 4 else pixels
        frames = clips.shape[2]
        self._check(frames)
        hidden = self.embeddings(clips.transpose(1, 2).flatten(0, 1), frames)
        if kept is None and self.training and self.config.force_patch_dropout > 0:
            kept = random_patches(len(pixels), hidden.shape[1] - 1, self.config.force_patch_dropout)
        if kept is not None:
            hidden = kept_patches(hidden, kept.to(hidden.device).repeat_interleave(frames, 0))
        return self.encoder(self.pre_layrnorm(hidden), frames), frames

    def _check(self, frames: int) -> None:
        timed = self.config.add_time_attn or self.config.class_token_per_frame
        if timed and frames != self.config.num_frames:
            raise ValueError(f"a clip of {frames} frames for a network of {self.config.num_frames}")


class _Embeddings(nn.Module):
    """Patches and class token, each with its place in the frame."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        width, side, rows, columns = config.hidden_size, config.patch_size, *config.grid
        scale = width**-0.5
        tokens = (config.num_frames, width) if config.class_token_per_frame else (width,)
        self.class_embedding = nn.Parameter(torch.randn(*tokens) * scale)
        if config.class_token_per_frame:
            self.patch_embedding = nn.Conv3d(config.num_channels, width, (1, side, side), (1, side, side), bias=False)
        else:
            self.patch_embedding = nn.Conv2d(config.num_channels, width, side, side, bias=False)
        self.position_embedding = nn.Embedding(1 + rows * columns, width)

    def forward(self, pictures: torch.Tensor, frames: int) -> torch.Tensor:
        """Pictures [n * frames, 3, H, W] to [n * frames, 1 + patches, width]."""
        kernel = self.patch_embedding.weight
        kernel = kernel[:, :, 0] if kernel.dim() == 5 else kernel
        patches = conv2d(pictures.to(kernel.dtype), kernel, stride=kernel.shape[-1]).flatten(2).transpose(1, 2)
        token = self.class_embedding.expand(frames, -1).repeat(len(pictures) // frames, 1)
        return torch.cat([token[:, None], patches], 1) + self.position_embedding.weight


class Encoder(nn.Module):
    """The layers; `checkpointing` computes their insides anew on the way back instead of keeping them."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.checkpointing = False

    def forward(self, hidden: torch.Tensor, frames: int) -> torch.Tensor:
        from torch.utils.checkpoint import checkpoint

        for layer in self.layers:
            if self.checkpointing and self.training:
                hidden = checkpoint(layer, hidden, frames, use_reentrant=False)
            else:
                hidden = layer(hidden, frames)
        return hidden


class Layer(nn.Module):
    """Attention over the frames of each place where `add_time_attn`, then over the places of each frame, then an MLP.

    The paper's appendix B names AIM as the model of the first part; its embedding, norm and attention are the layer's
    own.
    """

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.timed = config.add_time_attn
        self.self_attn = Attention(width, config.num_attention_heads)
        self.layer_norm1 = nn.LayerNorm(width, config.layer_norm_eps)
        self.mlp = Mlp(width, config.intermediate_size, config.hidden_act)
        self.layer_norm2 = nn.LayerNorm(width, config.layer_norm_eps)
        self.temporal_mlp = None
        if config.add_time_attn:
            self.temporal_embedding = nn.Parameter(torch.randn(1, config.num_frames, width) * width**-0.5)
            self.temporal_layer_norm1 = nn.LayerNorm(width, config.layer_norm_eps)
            self.temporal_attn = Attention(width, config.num_attention_heads)
            if config.temporal_mlp:
                self.temporal_layer_norm2 = nn.LayerNorm(width, config.layer_norm_eps)
                self.temporal_mlp = Mlp(width, config.intermediate_size, config.hidden_act)

    def forward(self, hidden: torch.Tensor, frames: int) -> torch.Tensor:
        """[n * frames, tokens, width] to the same."""
        if self.timed:
            hidden = self._over_time(hidden, frames)
        hidden = hidden + self.self_attn(self.layer_norm1(hidden))
        return hidden + self.mlp(self.layer_norm2(hidden))

    def _over_time(self, hidden: torch.Tensor, frames: int) -> torch.Tensor:
        tokens = hidden.shape[1]
        rows = hidden.unflatten(0, (-1, frames)).transpose(1, 2).flatten(0, 1)
        if frames != 1:
            rows = rows + self.temporal_embedding
        rows = rows + self.temporal_attn(self.temporal_layer_norm1(rows))
        if self.temporal_mlp is not None:
            rows = rows + self.temporal_mlp(self.temporal_layer_norm2(rows))
        return rows.unflatten(0, (-1, tokens)).transpose(1, 2).flatten(0, 1)
