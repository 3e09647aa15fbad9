"""The square that a tower looks at, cut from a picture of any shape, in the colours CLIP was trained on."""

from __future__ import annotations

from math import floor

import torch
from torch.nn.functional import interpolate

from vidal.engine.errors import SampleError

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue in 0..1, as all CLIPs of OpenAI have them."""
NARROWEST = 32
"""How many times as long as wide a picture may be; beyond it the longer side, scaled, would not end."""


def scaled_size(height: int, width: int, side: int, quotient_first: bool = False) -> tuple[int, int]:
    """Height and width once the shorter of them is `side`; the longer is rounded down, from the rounded quotient of the
    two where `quotient_first`, which may make it a pixel less.

    SampleError `TooNarrow` for what is more than NARROWEST times as long as wide.
    """
    short, long = sorted((height, width))
    if long > NARROWEST * short:
        raise SampleError("TooNarrow", f"a picture of {width}x{height} pixels; at most {NARROWEST}:1 is read")
    longer = floor(long / short * side) if quotient_first else side * long // short
    return (longer, side) if height > width else (side, longer)


def scaled(planes: torch.Tensor, size: tuple[int, int], mode: str, antialias: bool = False) -> torch.Tensor:
    """Float planes [n, c, H, W] at `size`, `bilinear` or `bicubic`; bicubic values overshoot and are not clipped."""
    return interpolate(planes, size=size, mode=mode, antialias=antialias, align_corners=False)


def centre(size: int, side: int) -> int:
    """Where a run of `side` begins in the middle of `size`; halves go to the even number."""
    return round((size - side) / 2)


def centred(planes: torch.Tensor, side: int) -> torch.Tensor:
    """The middle square of planes [..., H, W]."""
    return cropped(planes, centre(planes.shape[-2], side), centre(planes.shape[-1], side), side)


def cropped(planes: torch.Tensor, top: int, left: int, side: int) -> torch.Tensor:
    return planes[..., top : top + side, left : left + side]


def normalised(planes: torch.Tensor, full: float) -> torch.Tensor:
    """Planes [..., 3 or 1, H, W] in 0..`full` to [..., 3, H, W] by MEAN and STD; of one plane the three are made."""
    mean, std = (torch.tensor(one, device=planes.device)[:, None, None] * full for one in (MEAN, STD))
    return planes.contiguous().sub(mean).div_(std)
