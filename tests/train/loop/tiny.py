"""A tiny model and batches that need no shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from vidal.train.config import TrainConfig
from vidal.train.loop.distributed import World
from vidal.train.loop.trainer import Trainer
from vidal.train.towers.config import TextConfig, TowerConfig, VisionConfig
from vidal.train.towers.model import LanguageBind

TEXT = TextConfig(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
VISION = VisionConfig(
    hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16,
    lora_r=0,
)  # fmt: skip
ALONE = World(0, 1, torch.device("cpu"))


@dataclass(frozen=True)
class Batch:
    pixels: torch.Tensor
    ids: torch.Tensor
    mask: torch.Tensor


@dataclass
class Fixed:
    """The batches of one process among `size`: `whole` samples at a time, divided. Those whose number is in `broken`
    hold what is no number."""

    rank: int = 0
    size: int = 1
    whole: int = 6
    broken: frozenset[int] = frozenset()
    steps_per_epoch: int = 5
    waited: float = 0.0
    position: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(3)
        number = 0
        while True:
            pixels = torch.randn(self.whole, 3, 32, 32, generator=generator)
            ids = torch.randint(1, 50, (self.whole, 8), generator=generator)
            if number in self.broken:
                pixels[0, 0, 0, 0] = torch.nan
            share = self.whole // self.size
            mine = slice(self.rank * share, (self.rank + 1) * share)
            yield Batch(pixels[mine], ids[mine], torch.ones_like(ids[mine]))
            number += 1


def trainer(batches: Fixed | None = None, world: World = ALONE, **changes: Any) -> Trainer:
    """A trainer of all weights, begun from the same ones each time."""
    torch.manual_seed(0)
    told = {
        "name": "t", "out": "none", "modality": "image", "start": {"clip": "demo:clip"}, "tuning": "full",
        "data": [{"shards": "none"}], "batch_size": 6, "steps": 4, "optimiser": {"lr": 1e-2},
    }  # fmt: skip
    config = TrainConfig.model_validate({**told, **changes})
    return Trainer(config, world, LanguageBind(TowerConfig(TEXT, VISION, projection_dim=8)), batches or Fixed(), "none")
