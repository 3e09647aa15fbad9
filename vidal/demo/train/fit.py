"""The training loop shared by all demo models."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def fit(
    network: Any,
    loss_of: Callable[[np.random.Generator], Any],
    *,
    steps: int,
    rate: float,
    seed: int,
    decay: float = 0.05,
) -> None:
    """Train `network` in place: AdamW, a linear warm-up of 5 % and a cosine to zero, gradients clipped to norm 1.

    `loss_of` draws a batch with the generator it is given and returns the loss, a scalar tensor. Prints twenty lines.
    """
    import torch

    rng = np.random.default_rng(seed)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=decay, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.05)
    network.train()
    begun, recent = time.monotonic(), []
    for step in range(1, steps + 1):
        loss = loss_of(rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        recent.append(loss.item())
        if step % max(1, steps // 20) == 0:
            print(f"  step {step}/{steps}  loss {np.mean(recent):.4f}  {time.monotonic() - begun:.0f} s", flush=True)
            recent.clear()
    network.eval()
