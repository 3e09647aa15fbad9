"""Still pictures, infrared among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from vidal.train.transforms.square import centred, normalised, scaled, scaled_size

Resize = Literal["plain", "antialiased", "pillow"]


@dataclass(frozen=True)
class PictureTransform:
    """The shorter side to `side`, the middle square, CLIP's colours; the same in training and in evaluation.

    `resize` is how. `plain`: bicubic without a filter against aliasing, as the published transforms do with the library
    they were pinned to, and as the published towers were trained. `antialiased`: the same code under torchvision 0.17
    and newer. `pillow`: Pillow's bicubic filter on bytes, as OpenCLIP prepares pictures and the original trainer did
    stills.
    """

    side: int = 224
    resize: Resize = "plain"

    def __call__(self, rgb: np.ndarray) -> torch.Tensor:
        """A picture uint8 [H, W, 3] to float32 [3, side, side].

        `vidal.media.images.decode_image` makes such a picture of grey, palette and four-channel files too. SampleError
        `TooNarrow` for what is far longer than wide.
        """
        return self.batch(torch.tensor(rgb)[None])[0]

    def batch(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures of one size, uint8 [n, H, W, 3], to float32 [n, 3, side, side] on their device."""
        size = scaled_size(*pictures.shape[1:3], self.side)
        if self.resize == "pillow":
            planes = planes_of(torch.stack([_pillow(one, size) for one in pictures]))
        else:
            planes = scaled(planes_of(pictures), size, "bicubic", antialias=self.resize == "antialiased")
        return normalised(centred(planes, self.side), 255)


def planes_of(frames: torch.Tensor) -> torch.Tensor:
    """Frames uint8 [n, H, W, 3] as float32 planes [n, 3, H, W] in 0..255."""
    return frames.permute(0, 3, 1, 2).float()


def _pillow(rgb: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    from PIL import Image

    height, width = size
    found = Image.fromarray(rgb.cpu().numpy()).resize((width, height), Image.Resampling.BICUBIC)
    return torch.tensor(np.asarray(found), device=rgb.device)
