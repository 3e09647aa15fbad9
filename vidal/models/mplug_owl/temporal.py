"""What a vision layer of a network for clips makes of the frames before and after."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import linear, pad

from vidal.models.mplug_owl.config import MplugOwlVisionConfig


def quick_gelu(x: torch.Tensor) -> torch.Tensor:
    """CLIP's approximation of GELU."""
    return x * torch.sigmoid(1.702 * x)


class Silent(nn.Conv3d):
    """A convolution of size one that starts at zero, so that a new network sees each frame as a picture."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__(inside, outside, 1)


class Temporal(nn.Module):
    """Each patch mixed with the same patch one frame before and after, at half the width.

    The class token passes unchanged, so the layer that adds this to its input doubles it. The weights are stored as
    those of three-dimensional convolutions; those of size one are applied as the linear maps they are, and the one
    along time as a sum of three products.
    """

    def __init__(self, config: MplugOwlVisionConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.ln = nn.LayerNorm(width, eps=1e-5)
        self.down_proj = nn.Conv3d(width, width // 2, 1)
        self.conv = nn.Conv3d(width // 2, width // 2, (3, 1, 1), padding=(1, 0, 0), groups=width // 2)
        self.up_proj = Silent(width // 2, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[clips, frames, positions, width] to the same, the class token at position 0."""
        inner = linear(self.ln(x[:, :, 1:]), self.down_proj.weight.flatten(1), self.down_proj.bias)
        inner = quick_gelu(self._along_time(inner))
        mixed = linear(inner, self.up_proj.weight.flatten(1), self.up_proj.bias)
        return torch.cat([x[:, :, :1], mixed], dim=2)

    def _along_time(self, x: torch.Tensor) -> torch.Tensor:
        frames = x.shape[1]
        widened = pad(x, (0, 0, 0, 0, 1, 1))
        total = self.conv.bias
        for step, weight in enumerate(self.conv.weight.flatten(1).unbind(1)):
            total = total + widened[:, step : step + frames] * weight
        return total
