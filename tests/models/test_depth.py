"""Depth estimators of every family, each a tiny random checkpoint of its real class with its real processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny
from vidal import models
from vidal.models.depth import Depth, resized

BACKBONE = {
    "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 32,
}  # fmt: skip


def glpn(folder: Path) -> Path:
    from transformers import GLPNConfig, GLPNForDepthEstimation, GLPNImageProcessor

    GLPNImageProcessor().save_pretrained(folder)
    config = GLPNConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2], mlp_ratios=[1, 1, 1, 1],
        decoder_hidden_size=8,
    )  # fmt: skip
    return saved(GLPNForDepthEstimation(config), folder)


def dpt(folder: Path) -> Path:
    from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    DPTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    config = DPTConfig(
        **BACKBONE, patch_size=16, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8, is_hybrid=False,
    )  # fmt: skip
    return saved(DPTForDepthEstimation(config), folder)


def depth_anything(folder: Path, kind: str) -> Path:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor

    DPTImageProcessor(
        size={"height": 56, "width": 56}, keep_aspect_ratio=True, ensure_multiple_of=14
    ).save_pretrained(folder)  # fmt: skip
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2, image_size=56, patch_size=14,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8,
        head_hidden_size=8, depth_estimation_type=kind,
        max_depth=20 if kind == "metric" else 1,
    )  # fmt: skip
    return saved(DepthAnythingForDepthEstimation(config), folder)


def zoedepth(folder: Path, domains: int) -> Path:
    from transformers import BeitConfig, ZoeDepthConfig, ZoeDepthForDepthEstimation, ZoeDepthImageProcessor

    ZoeDepthImageProcessor(size={"height": 64, "width": 64}, ensure_multiple_of=32).save_pretrained(folder)
    backbone = BeitConfig(
        **BACKBONE, patch_size=16, out_indices=[1, 2, 3, 4], reshape_hidden_states=False,
        use_relative_position_bias=True,
    )  # fmt: skip
    bins = [{"n_bins": 8, "min_depth": 0.001, "max_depth": 10.0 * (n + 1), "name": f"d{n}"} for n in range(domains)]
    config = ZoeDepthConfig(
        backbone_config=backbone, neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8, bottleneck_features=8,
        bin_embedding_dim=8, num_attractors=[4, 4, 2, 1], bin_configurations=bins, num_relative_features=8,
        num_patch_transformer_layers=4 if domains > 1 else None, patch_transformer_hidden_size=128,
        patch_transformer_intermediate_size=16, patch_transformer_num_attention_heads=2,
    )  # fmt: skip
    return saved(ZoeDepthForDepthEstimation(config), folder)


def saved(network, folder: Path) -> Path:
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, weight[0].numel() ** -0.5 * 1.5)
    return tiny.saved(network, folder)


FAMILIES = {
    "glpn": (glpn, "metric"),
    "dpt": (dpt, "inverse"),
    "depth_anything": (lambda folder: depth_anything(folder, "relative"), "inverse"),
    "depth_anything_metric": (lambda folder: depth_anything(folder, "metric"), "metric"),
    "zoedepth": (lambda folder: zoedepth(folder, 1), "metric"),
    "zoedepth_of_two_domains": (lambda folder: zoedepth(folder, 2), "metric"),
}


@pytest.fixture(scope="module")
def families(tmp_path_factory) -> dict[str, Depth]:
    folder = tmp_path_factory.mktemp("depth")
    made = {name: make(folder / name) for name, (make, _) in FAMILIES.items()}
    loaded = {name: models.load("depth", str(path), device="cpu") for name, path in made.items()}
    return {name: replace(model, place=replace(model.place, batch=2)) for name, model in loaded.items()}


@pytest.fixture(scope="module")
def frames(company) -> list[np.ndarray]:
    """Of three aspects, small; two are of one clip."""
    return [
        np.ascontiguousarray(frame)
        for frame in (company[0][::2, ::2], company[3][::2, ::2], company[3][:160, :96], company[1][::2, ::2])
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_each_frame_gets_a_map_of_its_size_that_no_neighbour_changes(families, frames, name):
    model = families[name]
    assert model.kind == FAMILIES[name][1]
    together = model.depth(frames)
    alone = [model.depth([frame])[0] for frame in reversed(frames)][::-1]
    for frame, one, single in zip(frames, together, alone, strict=True):
        assert one.shape == frame.shape[:2] and one.dtype == np.float32 and np.ptp(one) > 1e-4
        assert np.isfinite(one).all() and (model.kind != "metric" or one.min() >= 0)
        np.testing.assert_array_equal(one, single)


def as_batch(frame: np.ndarray) -> torch.Tensor:
    """A frame [H, W, 3] as a batch [1, 3, H, W]."""
    return torch.from_numpy(frame).permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", FAMILIES)
def test_frames_keep_their_aspect_unless_they_are_squashed_as_the_original_does(families, name):
    model, seen = families[name], []
    rng = np.random.default_rng(0)
    tall, wide = (rng.integers(0, 256, size, np.uint8) for size in ((160, 96, 3), (96, 160, 3)))
    for frame in (tall, wide):
        for compat in (False, True):
            seen.append(model._pixels(as_batch(frame), compat).shape[2:])
    (tall_kept, tall_squashed, wide_kept, wide_squashed) = (height / width for height, width in seen)
    assert 1.3 < tall_kept < 2.1 and 1.3 < 1 / wide_kept < 2.1
    assert seen[1] == seen[3] and tall_squashed == wide_squashed


def test_glpn_works_at_its_own_scale(families):
    frames = as_batch(np.zeros((256, 455, 3), np.uint8))
    assert families["glpn"]._pixels(frames, compat=False).shape == (1, 3, 448, 768)
    assert families["glpn"]._pixels(frames, compat=True).shape == (1, 3, 768, 448)


def test_a_frame_is_resized_as_opencv_does_it():
    frame = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3) * 5
    halved = frame.reshape(2, 2, 2, 2, 3).astype(float).mean((1, 3))
    smaller, same = (resized(as_batch(frame), size)[0].permute(1, 2, 0).numpy() for size in ((2, 2), (4, 4)))
    assert np.abs(smaller.astype(float) - halved).max() <= 0.5
    assert same.tolist() == frame.tolist()
