"""The loop: steps from where a run stands to its end."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from vidal.engine.errors import VidalError
from vidal.train.config import TrainConfig
from vidal.train.loop.distributed import World
from vidal.train.loop.schedule import cosine
from vidal.train.loop.state import Checkpoint
from vidal.train.loop.step import Media, clamp_temperature, losses, with_patches
from vidal.train.loop.trainable import choose, groups
from vidal.train.towers.model import LanguageBind

MOST_BAD = 5
"""Steps in a row whose loss or gradient is no number, after which a run is given up."""


class DivergedError(VidalError):
    """The loss or its gradient has become no number, and stays so."""


class Batches(Protocol):
    """What the loop needs of a loader of data."""

    position: Mapping[str, Any]
    steps_per_epoch: int
    waited: float
    skipped: Mapping[str, int]

    def __iter__(self) -> Iterator[Any]: ...


class Trainer:
    """A model in training: its optimizer, its schedule, and the data it reads. `steps` are those of the whole run."""

    def __init__(self, config: TrainConfig, world: World, model: LanguageBind, batches: Batches, origin: str) -> None:
        import torch
        from open_clip.loss import ClipLoss

        self.config, self.world, self.origin = config, world, origin
        self.model = model.to(world.device).train()
        self.model.vision_model.encoder_layers.checkpointing = config.gradient_checkpointing
        choose(self.model, config.tuning)
        self._batches = batches
        self.steps = config.steps or max(1, config.epochs * batches.steps_per_epoch // config.accumulate)
        optimiser = config.optimiser
        self.optimizer = torch.optim.AdamW(
            groups(self.model, optimiser.weight_decay, 1.0 if optimiser.compat else optimiser.coef_lr),
            lr=optimiser.lr,
            betas=optimiser.betas,
            eps=optimiser.eps,
        )
        self._scaler = torch.amp.GradScaler(world.device.type, enabled=config.precision == "float16")
        self._loss = ClipLoss(config.local_loss, config.gather_with_grad, rank=world.rank, world_size=world.size)
        self._forward: Any = torch.compile(self.model) if config.compile else self.model
        if world.size > 1:
            devices = [world.device] if world.device.type == "cuda" else None
            self._forward = torch.nn.parallel.DistributedDataParallel(self._forward, device_ids=devices)
        self.step = 0
        self._bad = 0

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take up a run. The data must have been opened at the checkpoint's position."""
        self.model.load_state_dict(checkpoint.weights, strict=False)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self._scaler.load_state_dict(checkpoint.scaler)
        self.step = checkpoint.step

    def checkpoint(self) -> Checkpoint:
        """Where the run stands."""
        trained = {n: w.detach().cpu().clone() for n, w in self.model.named_parameters() if w.requires_grad}
        return Checkpoint(
            self.step,
            self.origin,
            trained,
            self.optimizer.state_dict(),
            self._scaler.state_dict(),
            dict(self._batches.position),
        )

    def run(self) -> Iterator[dict[str, float]]:
        """Do the steps that are left; after each, its numbers: `loss`, `lr`, `scale` (what cosines are multiplied by),
        `samples` of all processes, `seconds`, and `waited`, those of them in which this process waited for data.

        A step whose loss or gradient is no number changes no weight. Raises DivergedError after five in a row; in
        float16, where the scaler tries gradients that are too large and lowers its factor, the loss alone counts.
        """
        import torch

        batches = iter(self._batches)
        while self.step < self.steps:
            begun, waited = time.perf_counter(), self._batches.waited
            read = [next(batches) for _ in range(self.config.accumulate)]
            torch.manual_seed(_seed(self.config.seed, self.step, self.world.rank))
            micro = [self._media(batch) for batch in read]
            rate = self._set_rate()
            self.optimizer.zero_grad(set_to_none=True)
            values = losses(self._forward, self._loss, micro, self._backward, self._precision, self._apart)
            loss = sum(values) / len(values)
            sound = not self.world.agree(not math.isfinite(loss)) and self._update()
            self.step += 1
            self._count(sound, loss)
            seconds = time.perf_counter() - begun
            yield {
                "loss": loss,
                "lr": rate,
                "scale": math.exp(float(self.model.logit_scale.detach())),
                "samples": sum(len(batch.pixels) for batch in micro) * self.world.size,
                "seconds": seconds,
                "waited": self._batches.waited - waited,
            }

    def _set_rate(self) -> float:
        optimiser = self.config.optimiser
        rate = cosine(self.step, optimiser.lr, optimiser.warmup, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        return rate

    def _update(self) -> bool:
        """Move the weights; whether the gradient was a number. Processes hold the same one, so all say the same."""
        import torch

        self._scaler.unscale_(self.optimizer)
        trained = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(trained, self.config.optimiser.clip_norm or math.inf)
        if not self._scaler.is_enabled() and not math.isfinite(norm):
            return False
        self._scaler.step(self.optimizer)
        self._scaler.update()
        clamp_temperature(self.model)
        return True

    def _count(self, sound: bool, loss: float) -> None:
        """Count steps that changed nothing; `loss` is that of the last one."""
        self._bad = 0 if sound else self._bad + 1
        if self._bad == MOST_BAD:
            raise DivergedError(
                f"loss or gradient was no number in {MOST_BAD} steps in a row, up to step {self.step} (loss {loss}); "
                "they changed no weight. Go on with --resume from an earlier checkpoint, with a lower optimiser.lr, "
                "more optimiser.warmup, an optimiser.clip_norm, or precision bfloat16"
            )

    @property
    def skipped(self) -> dict[str, int]:
        """Samples that all processes have left out since they began, by reason; all must ask."""
        return dict(sum((Counter(one) for one in self.world.gathered(dict(self._batches.skipped))), Counter()))

    def _media(self, batch: Any) -> Media:
        device = self.world.device
        pixels, ids, mask = (one.to(device, non_blocking=True) for one in (batch.pixels, batch.ids, batch.mask))
        return with_patches(Media(pixels, ids, mask), self.model)

    def _backward(self, loss: Any) -> None:
        self._scaler.scale(loss).backward()

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        exact = self.config.precision == "float32"
        return nullcontext() if exact else torch.autocast(self.world.device.type, getattr(torch, self.config.precision))

    def _apart(self) -> AbstractContextManager[Any]:
        return self._forward.no_sync() if self.world.size > 1 else nullcontext()


def _seed(seed: int, step: int, rank: int) -> int:
    """What is drawn in a step follows from the run's seed, the step and the process alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{step}:{rank}".encode()).digest()[:8], "big") >> 1
