"""The learning rate of a step."""

from __future__ import annotations

from math import cos, pi


def cosine(step: int, rate: float, warmup: int, steps: int) -> float:
    """The rate of step `step`, counted from 0, of `steps`: a line up to `rate` over `warmup` steps, then half a cosine
    down to 0."""
    if step < warmup:
        return rate * (step + 1) / warmup
    return rate * 0.5 * (1 + cos(pi * (step - warmup) / max(1, steps - warmup)))
