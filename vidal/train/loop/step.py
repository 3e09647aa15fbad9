"""One step of the optimizer, over one or several micro-batches that are each other's negatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from vidal.train.towers.model import LanguageBind
from vidal.train.towers.patches import random_patches

HIGHEST_SCALE = math.log(100)
"""The most that the logarithm of the temperature's inverse may reach (CLIP, arXiv:2103.00020, section 2.5)."""


@dataclass(frozen=True)
class Media:
    """A micro-batch on the model's device: what VisionTower takes, token ids and their mask, and the patches to see."""

    pixels: torch.Tensor
    ids: torch.Tensor
    mask: torch.Tensor | None
    kept: torch.Tensor | None = None


def with_patches(batch: Media, model: LanguageBind) -> Media:
    """The batch with the patches drawn that training sees of it, so that it sees the same ones twice."""
    vision = model.config.vision
    if vision.force_patch_dropout <= 0:
        return batch
    rows, columns = vision.grid
    kept = random_patches(len(batch.pixels), rows * columns, vision.force_patch_dropout)
    return Media(batch.pixels, batch.ids, batch.mask, kept.to(batch.pixels.device))


def losses(
    forward: Callable[..., tuple[Any, Any, Any]],
    loss: Callable[[Any, Any, Any], torch.Tensor],
    batches: Sequence[Media],
    backward: Callable[[torch.Tensor], None],
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext,
    apart: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> list[float]:
    """Run the micro-batches forward and backward; the loss of each.

    One is run once. Of several, the vectors of all are first made without gradients; then each is run again with its
    own vectors in their place, and its gradients are added: the gradients of one large batch in the memory of a small
    one, as open_clip accumulates. The temperature, which every one of these losses holds, is moved by each. All but the
    last run `apart`: processes need to exchange their gradients once.
    """
    cached = _cached(forward, batches, precision) if len(batches) > 1 else []
    found = []
    for number, batch in enumerate(batches):
        with apart() if number < len(batches) - 1 else nullcontext():
            with precision():
                media, texts, scale = forward(*_arguments(batch))
                value = loss(_among(media, cached, number, 0), _among(texts, cached, number, 1), scale)
            backward(value)
        found.append(value.item())
    return found


def _cached(
    forward: Callable[..., tuple[Any, Any, Any]],
    batches: Sequence[Media],
    precision: Callable[[], AbstractContextManager[Any]],
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The vectors of media and texts of each micro-batch."""
    with torch.no_grad(), precision():
        return [forward(*_arguments(batch))[:2] for batch in batches]


def _among(own: torch.Tensor, cached: Sequence[tuple[torch.Tensor, ...]], number: int, side: int) -> torch.Tensor:
    """A micro-batch's own vectors in their place among those of all."""
    return torch.cat([own if place == number else pair[side] for place, pair in enumerate(cached)]) if cached else own


def clamp_temperature(model: LanguageBind) -> None:
    """Keep the logarithm of the temperature's inverse within 0 and ln 100."""
    with torch.no_grad():
        model.logit_scale.clamp_(0, HIGHEST_SCALE)


def _arguments(batch: Media) -> tuple[Any, ...]:
    return batch.pixels, batch.ids, batch.mask, batch.kept
