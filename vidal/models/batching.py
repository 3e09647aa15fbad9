"""Batches of a fixed shape, so that an item's result does not depend on its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np


def in_batches(
    items: Sequence[np.ndarray], size: int, forward: Callable[..., Sequence[Any]], *beside: Sequence[np.ndarray]
) -> list[Any]:
    """`forward` of all items, in their order.

    Items are grouped by shape and cut into batches of exactly `size`, the last of a group filled up with its last item;
    `forward` takes an array [size, ...] and returns one result per row. Each of `beside` holds an array per item, all
    of one shape, which `forward` is given stacked likewise.
    """
    shapes = [item.shape for item in items]

    def stacked(chosen: list[int]) -> Sequence[Any]:
        return forward(*(np.stack([part[index] for index in chosen]) for part in (items, *beside)))

    return in_groups(shapes, size, stacked)


def in_groups(keys: Sequence[Hashable], size: int, forward: Callable[[list[int]], Sequence[Any]]) -> list[Any]:
    """`forward` of all items, of which only the keys are known here, in their order.

    Items of equal keys may share a batch. `forward` takes the numbers of exactly `size` items, the last one repeated
    where there are fewer, and returns one result per number.
    """
    groups: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    results: list[Any] = [None] * len(keys)
    for indices in groups.values():
        for start in range(0, len(indices), size):
            chunk = indices[start : start + size]
            outputs = forward(chunk + chunk[-1:] * (size - len(chunk)))
            for index, output in zip(chunk, outputs, strict=False):
                results[index] = output
    return results


def rows(results: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Vectors as one float32 array [n, width], also for n = 0."""
    return np.stack(results) if len(results) else np.zeros((0, width), np.float32)


def unit(vectors: Any) -> np.ndarray:
    """A tensor [n, width] of any precision as float32 with each row brought to unit length in float32."""
    from torch.nn.functional import normalize

    return normalize(vectors.float(), dim=-1).cpu().numpy()
