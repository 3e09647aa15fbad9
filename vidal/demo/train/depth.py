"""demo:depth: metric depth of a picture, a tiny transformers Depth Anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vidal.demo.train.data import PIXEL_MEAN, PIXEL_STD, TRAIN_SEED, frames, save
from vidal.demo.train.fit import fit

FRAMES, STEPS, BATCH = 6144, 2400, 16
SIDE, PATCH, FARTHEST = 96, 8, 10


def train(folder: Path) -> None:
    """Write the checkpoint: config, image processor, weights."""
    import torch
    from torch.nn.functional import interpolate
    from transformers import (
        AutoImageProcessor,
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessor,
    )

    backbone = Dinov2Config(
        hidden_size=96, num_hidden_layers=4, num_attention_heads=3, mlp_ratio=3, image_size=SIDE, patch_size=PATCH,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False, apply_layernorm=True, initializer_range=0.08,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, patch_size=PATCH, reassemble_hidden_size=96, neck_hidden_sizes=[16, 24, 32, 48],
        fusion_hidden_size=24, head_hidden_size=16, depth_estimation_type="metric", max_depth=FARTHEST,
    )  # fmt: skip
    DPTImageProcessor(
        size={"height": SIDE, "width": SIDE}, keep_aspect_ratio=True, ensure_multiple_of=PATCH,
        image_mean=PIXEL_MEAN, image_std=PIXEL_STD, resample=2,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(TRAIN_SEED)
    network = DepthAnythingForDepthEstimation(config)
    network.config.save_pretrained(folder)
    widen(network)

    processor = AutoImageProcessor.from_pretrained(folder)
    groups: dict[tuple[int, ...], list[tuple[torch.Tensor, ...]]] = {}
    for one in frames(TRAIN_SEED, FRAMES):
        pixels = processor(images=one.rgb, return_tensors="pt")["pixel_values"]
        metres = interpolate(torch.from_numpy(one.metres)[None, None], size=pixels.shape[2:], mode="nearest")
        body = near_object(metres[0, 0], one.scene.object_mm / 1000)
        groups.setdefault(tuple(pixels.shape[2:]), []).append((pixels[0].half(), metres[0, 0], body))
    stacked = [tuple(torch.stack(part) for part in zip(*group, strict=True)) for group in groups.values()]

    def loss_of(rng: np.random.Generator) -> torch.Tensor:
        pixels, metres, bodies = stacked[rng.integers(len(stacked))]
        drawn = torch.from_numpy(rng.choice(len(pixels), BATCH, replace=False))
        predicted = network(pixel_values=pixels[drawn].float()).predicted_depth
        truth = metres[drawn]
        wrong = (predicted.clamp(min=0.05).log() - truth.log()).abs()
        return wrong.mean() + wrong[bodies[drawn]].mean()

    fit(network, loss_of, steps=STEPS, rate=1.5e-3, seed=TRAIN_SEED)
    save(network, folder)


def near_object(metres: Any, away: float) -> Any:
    """Where the object is, `away` metres, and a margin around it: bool [H, W]."""
    from torch.nn.functional import max_pool2d

    own = (metres - away).abs() < 1e-3
    return max_pool2d(own[None, None].float(), 9, 1, 4)[0, 0] > 0


def widen(network: Any) -> None:
    """Draw the convolutions outside the backbone by their fan-in: the class's own 0.02 starves so narrow a network."""
    import torch

    for part in (network.neck, network.head):
        for module in part.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                module.reset_parameters()
