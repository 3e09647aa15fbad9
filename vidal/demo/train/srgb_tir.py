"""demo:srgb-tir: thermal pictures from RGB, a small generator pair of the sRGB-TIR family.

The world knows the temperature of every pixel, so RGB to thermal is learned from pairs. The style is how the camera was
set: its first number moves all levels, its second spreads them, the others do nothing. Each domain's own encoders and
decoder are learned by giving back the picture that they were shown.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vidal.demo.train.data import TRAIN_SEED, frames, save
from vidal.demo.train.fit import fit

FRAMES, STEPS, BATCH = 3072, 520, 8
SIDE = 96
OFFSET, GAIN = 0.02, 0.05
"""What a style of 1 adds to all levels of 0..1, and to the factor that spreads them."""


def train(folder: Path) -> None:
    """Write the checkpoint: config and weights."""
    import torch
    from torch.nn.functional import interpolate

    from vidal.models.srgb_tir import GeneratorConfig, Translator

    config = GeneratorConfig(dim=12, mlp_dim=32, style_dim=8, n_downsample=2, n_res=2)
    (folder / "config.json").write_text(json.dumps({**asdict(config), "short_side": SIDE}, indent=2) + "\n")
    torch.manual_seed(TRAIN_SEED)
    network = Translator(config)

    def square(picture: np.ndarray) -> torch.Tensor:
        height, width = picture.shape[:2]
        top, left = (height - min(height, width)) // 2, (width - min(height, width)) // 2
        cut = torch.from_numpy(picture[top : height - top, left : width - left].copy())
        cut = cut.reshape(*cut.shape[:2], -1).permute(2, 0, 1)[None].float()
        return interpolate(cut, size=(SIDE, SIDE), mode="bilinear", antialias=True)[0]

    shown = list(frames(TRAIN_SEED, FRAMES))
    rgb = torch.stack([square(one.rgb) for one in shown]) / 127.5 - 1.0
    levels = torch.stack([square(one.warmth) for one in shown]).expand(-1, 3, -1, -1)

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        drawn = torch.from_numpy(rng.choice(FRAMES, BATCH, replace=False))
        style = torch.from_numpy(rng.standard_normal((BATCH, config.style_dim, 1, 1), dtype=np.float32))
        seen, warm = rgb[drawn], in_style(levels[drawn], style)
        loss = (network(seen, style) - warm).abs().mean()
        if rng.random() < 0.2:
            for side, picture in ((network.a, warm), (network.b, seen)):
                own = side.decode(side.enc_content(picture), side.enc_style(picture))
                loss = loss + 0.2 * (own - picture).abs().mean()
        return loss

    fit(network, loss_of, steps=STEPS, rate=2e-3, seed=TRAIN_SEED, decay=0.0)
    save(network, folder)


def in_style(levels: Any, style: Any) -> Any:
    """Warmth in 0..1, [n, 3, H, W], as the cameras of the styles [n, style_dim, 1, 1] show it: -1..1."""
    offset, gain = OFFSET * style[:, :1], 1.0 + GAIN * style[:, 1:2]
    return ((levels - 0.5) * gain + 0.5 + offset).clamp(0.0, 1.0) * 2.0 - 1.0
