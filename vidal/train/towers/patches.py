"""Patches of a picture: which of them training sees, and where they lie."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate


def random_patches(items: int, patches: int, dropped: float) -> torch.Tensor:
    """Which patches of each item are seen, int64 [items, kept]: max(1, floor(patches × (1 - dropped))) of them, those
    of the highest of as many normal scores, highest first (FLIP, arXiv:2212.00794, section 3).

    Drawn from torch's generator of the CPU, whatever the device, so that its state tells them.
    """
    kept = max(1, int(patches * (1 - dropped)))
    return torch.randn(items, patches).topk(kept, dim=-1).indices


def kept_patches(hidden: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Tokens [n, 1 + patches, width] to [n, 1 + kept, width]: the class token, then the patches `kept` int64 [n, k]."""
    chosen = (kept + 1)[..., None].expand(-1, -1, hidden.shape[-1])
    return torch.cat([hidden[:, :1], hidden.gather(1, chosen)], 1)


def resized_positions(table: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """A table of positions [1 + side², width] for a grid of (rows, columns): [1 + rows * columns, width].

    The class token's row stays; the others are a square map that is scaled bicubically, with a filter against
    aliasing. A table that has as many rows as asked for stays as it is, whatever their arrangement.
    """
    rows, columns = grid
    if len(table) == 1 + rows * columns:
        return table
    side = round((len(table) - 1) ** 0.5)
    square = table[1:].float().T.reshape(1, -1, side, side)
    scaled = interpolate(square, size=grid, mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([table[:1], scaled[0].flatten(1).T.to(table.dtype)])
