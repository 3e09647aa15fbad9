"""Checkpoints in the published layout: written, read, and refused where they do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vidal.train.towers.checkpoint import load, published_shapes, save
from vidal.train.towers.config import of_json, read
from vidal.train.towers.model import LanguageBind

TEXT = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "max_position_embeddings": 8, "hidden_act": "gelu", "id2label": {"0": "unused"},
}  # fmt: skip
VISION = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16,
    "patch_size": 8, "add_time_attn": True, "num_frames": 2, "lora_r": 2, "num_mel_bins": 0.0,
}  # fmt: skip
STORED = {"model_type": "LanguageBindVideo", "projection_dim": 8, "text_config": TEXT, "vision_config": VISION}


@pytest.fixture
def folder(tmp_path) -> Path:
    torch.manual_seed(0)
    save(LanguageBind(of_json(STORED)), tmp_path, STORED)
    return tmp_path


def test_what_is_written_is_read(folder):
    model = load(folder)
    assert not model.training and model.config == of_json(STORED)
    names = set(load_file(folder / "model.safetensors"))
    assert "vision_model.encoder.base_model.model.layers.0.temporal_attn.q_proj.weight" in names
    assert "vision_model.encoder.base_model.model.layers.0.temporal_attn.q_proj.lora_A.default.weight" in names
    assert names == set(published_shapes(of_json(STORED)))


def test_a_pickled_file_with_index_buffers_is_read_alike(folder):
    expected = load(folder).state_dict()
    weights = load_file(folder / "model.safetensors")
    weights["text_model.embeddings.position_ids"] = torch.arange(8)[None]
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    found = load(folder).state_dict()
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_missing_an_additional_and_a_misshapen_key_are_listed(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["logit_scale"]
    weights["text_model.more"] = torch.zeros(1)
    weights["visual_projection.weight"] = torch.zeros(8, 15)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ValueError) as refusal:
        load(folder)
    for part in (
        "missing keys: logit_scale;", "unexpected keys: text_model.more;",
        "keys of another shape: visual_projection.weight",
    ):  # fmt: skip
        assert part in str(refusal.value)


def test_a_file_that_runs_code_is_refused(folder):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (folder / "exploded",))

    (folder / "model.safetensors").unlink()
    torch.save({"logit_scale": Bomb()}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model\.bin cannot be read: Weights only load failed$"):
        load(folder)
    assert not (folder / "exploded").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({**STORED, "vision_config": {"hidden_size": "wide"}})])
def test_a_file_that_describes_something_else_is_named(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json describes no LanguageBind checkpoint"):
        load(folder)


def test_absent_weights_are_named(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"holds neither model\.safetensors nor pytorch_model\.bin"):
        load(folder)


def test_defaults_are_those_of_the_published_classes(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {}, "vision_config": {"num_mel_bins": 112.0}}))
    config = read(tmp_path / "config.json")
    assert config.vision.lora_r == 2 and config.vision.num_mel_bins == 112 and config.text.hidden_act == "quick_gelu"
    assert config.vision.grid == (7, 7)
