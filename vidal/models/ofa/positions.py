"""Where a query stands to a key, as a number added to their attention score.

A bias has an absolute part, a dot product of vectors made of the two positions, and between positions of one kind a
relative part, looked up in a table by a bucket of their offset. Biases are [heads, queries, keys].
"""

from __future__ import annotations

import math

import torch
from torch import nn

_FARTHEST = 1023
"""The offset at which the buckets of texts end; fixed, whatever the number of positions."""


def token_buckets(queries: torch.Tensor, keys: torch.Tensor, size: int) -> torch.Tensor:
    """Table rows [queries, keys] for text positions: near offsets have one each, far ones share by their logarithm.

    The table has 2 * size - 1 rows, offset 0 in the middle. Computed in float32.
    """
    offsets = queries[:, None] - keys[None, :]
    middle = size // 2
    ratio = offsets.abs().clamp(min=middle).float() / middle
    steps = torch.ceil(torch.log(ratio) / math.log(_FARTHEST / middle) * (middle - 1)).long()
    shared = torch.sign(offsets) * (middle + steps)
    return torch.where(offsets.abs() <= middle, offsets, shared) + size - 1


def grid(height: int, width: int, device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """The row and the column of each cell of a feature map, row by row: two vectors [height * width]."""
    cells = torch.arange(height * width, device=device)
    return cells // width, cells % width


def image_buckets(rows: torch.Tensor, columns: torch.Tensor, size: int) -> torch.Tensor:
    """Table rows [cells, cells] for cells of a grid of at most `size` by `size`.

    The table has (2 * size - 1) ** 2 + 3 rows; the last three are not used for pictures.
    """
    down = rows[:, None] - rows[None, :] + size - 1
    right = columns[:, None] - columns[None, :] + size - 1
    return down * (2 * size - 1) + right


def table_rows(size: int) -> int:
    """Rows of the table that `image_buckets` points into."""
    return (2 * size - 1) ** 2 + 3


def looked_up(table: nn.Embedding, buckets: torch.Tensor) -> torch.Tensor:
    """The bias that a table [rows, heads] holds for buckets [queries, keys]."""
    return table(buckets).permute(2, 0, 1)


def absolute(queries: torch.Tensor, keys: torch.Tensor, heads: int, factor: float) -> torch.Tensor:
    """The bias of projected position vectors [queries, width] and [keys, width]."""
    scale = (queries.shape[-1] / heads * factor) ** -0.5
    by_head = (queries * scale).unflatten(-1, (heads, -1)).transpose(0, 1)
    return by_head @ keys.unflatten(-1, (heads, -1)).permute(1, 2, 0)


def masked(bias: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """The bias with the most negative finite number where `hidden`, a mask that broadcasts to it, is true."""
    return bias.masked_fill(hidden, torch.finfo(bias.dtype).min)
