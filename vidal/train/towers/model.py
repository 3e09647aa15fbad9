"""Both towers of a checkpoint, and what becomes of their vectors."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize

from vidal.train.towers.config import TowerConfig
from vidal.train.towers.lora import add_lora
from vidal.train.towers.text import TextTower
from vidal.train.towers.vision import VisionTower


class LanguageBind(nn.Module):
    """One modality bound to language."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.config = config
        self.text_model = TextTower(config.text)
        self.vision_model = VisionTower(config.vision)
        self.visual_projection = nn.Linear(config.vision.hidden_size, config.projection_dim, bias=False)
        self.text_projection = nn.Linear(config.text.hidden_size, config.projection_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(config.logit_scale_init_value))
        if config.vision.lora_r:
            add_lora(self.vision_model, config.vision)

    def encode(self, pixels: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """What VisionTower takes, to vectors [n, projection_dim], not normalised."""
        return self.visual_projection(self.vision_model(pixels, kept))

    def encode_text(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """What TextTower takes, to vectors [n, projection_dim], not normalised."""
        return self.text_projection(self.text_model(ids, mask)[1])

    def forward(
        self,
        pixels: torch.Tensor,
        ids: torch.Tensor,
        mask: torch.Tensor | None = None,
        kept: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Unit vectors of the media and of the texts, and the factor of their cosines."""
        media, texts = self.encode(pixels, kept), self.encode_text(ids, mask)
        return normalize(media, dim=-1), normalize(texts, dim=-1), self.logit_scale.exp()
