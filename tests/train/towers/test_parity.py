"""The towers against numbers recorded from the published implementation, under the published names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy, normalize

from vidal.train.towers.checkpoint import load, published_shapes
from vidal.train.towers.config import of_json
from vidal.train.towers.patches import kept_patches, random_patches, resized_positions

PARITY = Path(__file__).parents[4] / "shared" / "parity" / "languagebind"

pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are not here")


def cases(pattern: str) -> list[str]:
    return sorted(path.name for path in PARITY.glob(pattern))


def near(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, rtol=0.0, atol=tolerance)


def tensors(case: str, name: str) -> dict[str, torch.Tensor]:
    return load_file(PARITY / case / f"{name}.safetensors")


def checkpoint(folder: Path, case: Path) -> Path:
    """The files of a case under the names of a published checkpoint."""
    (folder / "config.json").symlink_to(case / "config.json")
    (folder / "model.safetensors").symlink_to(case / "weights.safetensors")
    return folder


@pytest.mark.parametrize("case", [*cases("model-*"), *cases("extra-*")])
def test_a_model_in_evaluation(case, tmp_path):
    model, inputs, outputs = (
        load(checkpoint(tmp_path, PARITY / case)),
        tensors(case, "inputs"),
        tensors(case, "outputs"),
    )
    with torch.inference_mode():
        pooled = model.vision_model(inputs["pixel_values"])
        near(pooled, outputs["vision_pooled"], 1e-5)
        near(model.vision_model.hidden(inputs["pixel_values"])[0], outputs["vision_last_hidden_state"], 5e-5)
        media = model.visual_projection(pooled)
        states, text = model.text_model(inputs["input_ids"], inputs["attention_mask"])
        near(states, outputs["text_last_hidden_state"], 5e-5)
        near(text, outputs["text_pooled"], 1e-5)
        near(media, outputs["image_features_unnormalised"], 1e-5)
        near(model.text_projection(text), outputs["text_features_unnormalised"], 1e-5)
        found = model(inputs["pixel_values"], inputs["input_ids"], inputs["attention_mask"])
        near(found[0], outputs["image_embeds"], 3e-6)
        near(found[1], outputs["text_embeds"], 3e-6)
        logits = found[2] * found[0] @ found[1].T
        near(logits, outputs["logits_per_image"], 3e-5)
        near(logits.T, outputs["logits_per_text"], 3e-5)
        if "loss" in outputs:
            places = torch.arange(len(logits))
            near((cross_entropy(logits, places) + cross_entropy(logits.T, places)) / 2, outputs["loss"], 1e-5)


@pytest.mark.parametrize("case", cases("patchdrop-*"))
def test_a_model_in_training_sees_the_patches_it_is_told(case, tmp_path):
    about = json.loads((PARITY / case / "case.json").read_text())
    inputs, outputs = tensors(case, "inputs"), tensors(case, "outputs")
    kept = inputs["random_scores"].topk(about["tokens_kept"], dim=-1).indices
    assert torch.equal(kept, inputs["keep_indices"])
    drawn = random_patches(3, about["tokens_before"], about["force_patch_dropout"])
    assert drawn.shape == (3, about["tokens_kept"])
    model = load(checkpoint(tmp_path, (PARITY / case / about["weights"]).resolve().parent))
    with torch.inference_mode():
        near(model.vision_model.hidden(inputs["pixel_values"], kept)[0], outputs["vision_last_hidden_state"], 5e-5)
        near(model.vision_model(inputs["pixel_values"], kept), outputs["vision_pooled"], 1e-5)
        near(normalize(model.encode(inputs["pixel_values"], kept), dim=-1), outputs["image_embeds"], 3e-6)


def test_position_tables_are_resized():
    about = json.loads((PARITY / "pos-resize" / "case.json").read_text())
    stored = load_file(PARITY / "pos-resize" / "tensors.safetensors")
    for case in about["cases"]:
        before, after = stored[f"{case['index']}.before"], stored[f"{case['index']}.after"]
        near(resized_positions(before, tuple(case["new_grid"])), after, 5e-6)
        assert torch.equal(before, after) is not case["changed"]


@pytest.mark.parametrize("case", [name.removesuffix(".json") for name in cases("keys/*.json")])
def test_the_full_size_names_and_shapes(case):
    about = json.loads((PARITY / "keys" / f"{case}.json").read_text())
    kind = "LanguageBindVideo" if "video" in case else "LanguageBindOther"
    keys = ("vision_config", "text_config", "projection_dim")
    found = published_shapes(of_json({"model_type": kind, **{key: about[key] for key in keys}}))
    wanted = {name: entry["shape"] for name, entry in about["tensors"].items() if not name.endswith("position_ids")}
    assert found == wanted
    assert sum(torch.Size(shape).numel() for shape in found.values()) == about["n_parameters"]


def test_kept_patches_follow_the_class_token():
    hidden = torch.arange(2 * 4).reshape(2, 4, 1)
    assert kept_patches(hidden, torch.tensor([[2, 0], [1, 2]])).flatten().tolist() == [0, 3, 1, 4, 6, 7]
