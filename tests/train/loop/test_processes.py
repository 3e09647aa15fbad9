"""Two processes over Gloo train as one that is given both their batches."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import multiprocessing

from vidal.train.config import TrainConfig
from vidal.train.loop.distributed import World, world
from vidal.train.loop.trainer import Trainer
from vidal.train.towers.config import TextConfig, TowerConfig, VisionConfig
from vidal.train.towers.model import LanguageBind

TEXT = TextConfig(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
VISION = VisionConfig(
    hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16,
    lora_r=0,
)  # fmt: skip
STEPS, SHARE = 10, 3


class Fixed:
    """The batches of one process among `size`: those of a single process, divided."""

    steps_per_epoch, waited = STEPS, 0.0
    position: dict[str, Any] = {}
    skipped: dict[str, int] = {}

    def __init__(self, rank: int, size: int) -> None:
        self._rank, self._size = rank, size

    def __iter__(self):
        generator = torch.Generator().manual_seed(3)
        while True:
            pixels = torch.randn(2 * SHARE, 3, 32, 32, generator=generator)
            ids = torch.randint(1, 50, (2 * SHARE, 8), generator=generator)
            share = len(pixels) // self._size
            mine = slice(self._rank * share, (self._rank + 1) * share)
            yield Batch(pixels[mine], ids[mine], torch.ones_like(ids[mine]))


class Batch:
    def __init__(self, pixels: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> None:
        self.pixels, self.ids, self.mask = pixels, ids, mask


def trained(rank: int, folder: str, size: int) -> None:
    """Train in one process, with both ways of the loss, and leave losses and weights in a file."""
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": Path(folder, "port").read_text(), "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    torch.set_num_threads(1)
    with world() as here:
        assert (here.rank, here.size) == (rank, size)
        found = [run(here, local_loss) for local_loss in (False, True)]
        assert here.gathered(rank) == list(range(size)) and here.agree(rank == 0) and not here.agree(False)
    torch.save(found, Path(folder, f"{size}-{rank}.pt"))


def run(here: World, local_loss: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    model = LanguageBind(TowerConfig(TEXT, VISION, projection_dim=8))
    told = {
        "name": "t", "out": "none", "modality": "image", "start": {"clip": "demo:clip"}, "tuning": "full",
        "data": [{"shards": "none"}], "batch_size": SHARE, "steps": STEPS, "optimiser": {"lr": 1e-3},
        "local_loss": local_loss,
    }  # fmt: skip
    trainer = Trainer(TrainConfig.model_validate(told), here, model, Fixed(here.rank, here.size), "origin")
    losses = [values["loss"] for values in trainer.run()]
    return {"losses": losses, "weights": dict(trainer.checkpoint().weights)}


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_two_processes_train_as_one(tmp_path, free_port, monkeypatch):
    (tmp_path / "port").write_text(str(free_port))
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GLOO_SOCKET_IFNAME"):
        monkeypatch.setenv(name, "")
    multiprocessing.spawn(trained, (str(tmp_path), 2), nprocs=2)
    trained(0, str(tmp_path), 1)
    runs = zip(*(torch.load(tmp_path / name) for name in ("1-0.pt", "2-0.pt", "2-1.pt")), strict=True)
    for one, first, second in runs:
        shared = [(a + b) / 2 for a, b in zip(first["losses"], second["losses"], strict=True)]
        assert shared == pytest.approx(one["losses"], abs=1e-5)
        for name, weight in one["weights"].items():
            assert torch.equal(first["weights"][name], second["weights"][name])
            torch.testing.assert_close(first["weights"][name], weight, atol=2e-4, rtol=1e-3, msg=name)
