"""Whole optimisation runs of the original's own program, step by step."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from open_clip.loss import ClipLoss
from safetensors.torch import load_file

from vidal.train.loop.schedule import cosine
from vidal.train.loop.step import Media, clamp_temperature, losses
from vidal.train.loop.trainable import choose, groups
from vidal.train.towers.checkpoint import fit
from vidal.train.towers.config import of_json
from vidal.train.towers.lora import own_names, published_name
from vidal.train.towers.model import LanguageBind

PARITY = Path(__file__).parents[4] / "shared" / "parity" / "languagebind"
RUNS = ("train-depth-lora", "train-depth-lora-drop50", "train-depth-lora-accum2", "train-video-lora")

pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are not here")


def built(about: dict, rank: int, **vision) -> LanguageBind:
    video = about["modality"].startswith("vl")
    shape = {**about["vision"], "lora_r": rank, **({"add_time_attn": True} if video else {}), **vision}
    return LanguageBind(
        of_json(
            {
                "model_type": "LanguageBindVideo" if video else "LanguageBindDepth",
                "projection_dim": about["projection_dim"],
                "vision_config": shape,
                "text_config": about["text"],
            }
        )
    )


@pytest.mark.parametrize("case", RUNS)
def test_an_optimisation_run(case):
    folder = PARITY / case
    about, batches = json.loads((folder / "case.json").read_text()), load_file(folder / "batches.safetensors")
    hyper = about["hyper"]
    weights = own_names(
        {n: w for n, w in load_file(folder / "initial_weights.safetensors").items() if "position_ids" not in n}
    )
    rank = next(w.shape[0] for n, w in weights.items() if "lora_A" in n)
    frames = batches["0.images"].shape[2] if batches["0.images"].dim() == 5 else 1
    model = built(about, rank, num_frames=frames, force_patch_dropout=hyper["force_patch_dropout"])
    fit(model, weights)
    model.load_state_dict(weights)
    model.train()
    choose(model, "lora")
    optimizer = torch.optim.AdamW(
        groups(model, hyper["weight_decay"], coef_lr=1.0), lr=hyper["lr"], betas=hyper["betas"], eps=hyper["eps"]
    )
    for step, expected in enumerate(about["steps"]):
        rate = cosine(step, hyper["lr"], hyper["warmup_steps"], hyper["total_steps"])
        assert [pytest.approx(rate)] * len(optimizer.param_groups) == expected["lr_of_each_group"]
        for group in optimizer.param_groups:
            group["lr"] = rate
        assert float(model.logit_scale) == pytest.approx(expected["logit_scale_before"], abs=1e-6)
        numbers = range(step * hyper["accum_freq"], (step + 1) * hyper["accum_freq"])
        micro = [
            Media(
                *(batches[f"{n}.{name}"] for name in ("images", "input_ids", "attention_mask")),
                batches.get(f"patch_keep.{n}"),
            )
            for n in numbers
        ]
        optimizer.zero_grad()
        found = losses(model, ClipLoss(), micro, torch.Tensor.backward, nullcontext)
        assert found == pytest.approx(expected["micro_losses"], abs=1e-5)
        if step == 0:
            same_gradients(model, load_file(folder / "first_step_grads.safetensors"))
        optimizer.step()
        assert float(model.logit_scale) == pytest.approx(expected["logit_scale_after_step"], abs=1e-6)
        clamp_temperature(model)
        assert float(model.logit_scale) == pytest.approx(expected["logit_scale_after_clamp"], abs=1e-6)
    final = load_file(folder / "final_trainable.safetensors")
    trained = {published_name(n): w.detach() for n, w in model.named_parameters() if w.requires_grad}
    assert trained.keys() == final.keys()
    for name, weight in trained.items():
        torch.testing.assert_close(
            weight, final[name], atol=1e-5, rtol=0, msg=lambda text, name=name: f"{name}: {text}"
        )


def same_gradients(model: LanguageBind, expected: dict[str, torch.Tensor]) -> None:
    found = {published_name(n): w.grad for n, w in model.named_parameters() if w.requires_grad}
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-4 * float(gradient.abs().max()) + 1e-9, rtol=0)


MODES = {
    "depth-lora": "lora",
    "thermal-lora": "lora",
    "audio-lora": "lora",
    "audio-full-tuning": "attention",
    "video-lora": "lora",
    "video-full-tuning": "attention",
    "video-v1.5-full-tuning": "attention",
}
"""All but `video-v1.5-lora`, where the original's trainer wraps layers that its released class does not."""


@pytest.mark.parametrize(("mode", "tuning"), MODES.items())
def test_the_groups_of_the_optimizer(mode, tuning):
    about = json.loads((PARITY / "train-param-groups" / "case.json").read_text())["modes"][mode]
    shapes = {name: tuple(shape) for name, shape in about["shapes"].items()}
    width = shapes["visual_projection.weight"][1]
    layers = 1 + max(int(name.split("layers.")[1].split(".")[0]) for name in shapes if "layers." in name)
    rank = next((shape[0] for name, shape in shapes.items() if "lora_A" in name), 0)
    frames = next((shape[1] for name, shape in shapes.items() if "temporal_embedding" in name), 1)
    tower = {
        "hidden_size": width, "intermediate_size": 96, "num_hidden_layers": layers, "num_attention_heads": 4,
        "image_size": 42, "patch_size": 14, "num_frames": frames, "clip_type": about["clip_type"],
    }  # fmt: skip
    text = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = built(
        {"modality": about["clip_type"], "projection_dim": 24, "vision": tower, "text": text}, rank
    )  # fmt: skip
    choose(model, tuning)
    found = groups(model, weight_decay=0.2, coef_lr=0.5)
    expected = about["groups_in_optimizer_order"]
    assert [sorted(group["names"]) for group in found] == [sorted(group["params"]) for group in expected]
    assert [group["weight_decay"] for group in found] == [group["weight_decay"] for group in expected]
    assert [group["factor"] * 1e-3 for group in found] == [group["initial_lr"] for group in expected]
    trained = {n: tuple(w.shape) for group in found for n, w in zip(group["names"], group["params"], strict=True)}
    assert trained == shapes
