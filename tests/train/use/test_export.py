"""Trained models in the published layout: the same function, and read by others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.train.towers.test_parity import PARITY, checkpoint, near, tensors
from tests.train.use.made import stored
from vidal.engine.errors import ConfigError, MissingError
from vidal.train.towers.checkpoint import load
from vidal.train.transforms.tokens import Words
from vidal.train.use.export import export, write_vocabulary

TEXTS = ["a red circle moving on grass", "Snow, and what else? <|endoftext|>", "ünïcode"]


def inputs(model) -> torch.Tensor:
    vision = model.config.vision
    height, width = (side * vision.patch_size for side in vision.grid)
    frames = (vision.num_frames,) if vision.add_time_attn else ()
    return torch.randn(3, 3, *frames, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", ["depth", "video", "audio"])
def test_embeddings_are_the_same_without_lora(kind, tmp_path):
    name = stored(tmp_path / "model", kind)
    out = export(name, tmp_path / "deep" / "out")
    before, after = load(Path(name)), load(out)
    pixels = inputs(before)
    ids, mask = Words(Path(name), before.config.text.max_position_embeddings).ids(TEXTS)
    with torch.inference_mode():
        for one, other in zip(before(pixels, ids, mask), after(pixels, ids, mask), strict=True):
            assert torch.allclose(one, other, atol=1e-5)
    assert before.config.vision.lora_r == 2 and after.config.vision.lora_r == 0
    names = load_file(out / "model.safetensors")
    assert not [key for key in names if "lora" in key or "base_model" in key]
    told = json.loads((out / "config.json").read_text())
    assert told["vision_config"]["lora_r"] == 0 and told["model_type"] == f"LanguageBind{kind.capitalize()}"
    changed = [key for key in names if not torch.equal(names[key], load_file(f"{name}/model.safetensors").get(
        key.replace("encoder.layers", "encoder.base_model.model.layers"), names[key]))]  # fmt: skip
    assert changed and all("proj" in key for key in changed)


def test_what_a_config_says_besides_is_kept(tmp_path):
    name = stored(tmp_path / "model", "depth")
    path = Path(name, "config.json")
    told = json.loads(path.read_text())
    told["vision_config"]["video_decode_backend"] = "decord"
    path.write_text(json.dumps(told))
    found = json.loads((export(name, tmp_path / "out") / "config.json").read_text())
    assert found["vision_config"]["video_decode_backend"] == "decord"


def test_transformers_reads_it_as_a_clip(tmp_path):
    """A tower without attention over time is CLIP's, so its own class has to read the export and agree."""
    from transformers import CLIPConfig, CLIPModel

    out = export(stored(tmp_path / "model", "image"), tmp_path / "out")
    told = json.loads((out / "config.json").read_text())
    shape = CLIPConfig(
        text_config=told["text_config"], vision_config=told["vision_config"], projection_dim=told["projection_dim"]
    )
    theirs, report = CLIPModel.from_pretrained(out, config=shape, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    ours = load(out)
    pixels = inputs(ours)
    with torch.inference_mode():
        found = theirs.eval().vision_model(pixel_values=pixels).pooler_output
        assert torch.allclose(theirs.visual_projection(found), ours.encode(pixels), atol=1e-5)


def test_the_words_of_a_model_come_along(tmp_path):
    name = stored(tmp_path / "model", "depth")
    found, expected = (Words(Path(folder)).ids(TEXTS) for folder in (export(name, tmp_path / "out"), name))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_clip_s_words_are_read_from_vocabulary_and_merges(tmp_path):
    Words().save(tmp_path)
    write_vocabulary(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    found, expected = Words(tmp_path).ids(TEXTS), Words().ids(TEXTS)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    lines = (tmp_path / "merges.txt").read_text().splitlines()
    assert lines[:2] == ["#version: 0.2", "i n"] and len(lines) == 1 + 48894


def test_a_model_without_lora_is_written_as_it_is(tmp_path):
    name = stored(tmp_path / "model", "thermal", lora_r=0)
    out = export(name, tmp_path / "out")
    before, after = (load_file(Path(folder, "model.safetensors")) for folder in (name, out))
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)


def test_what_cannot_be_written_is_one_message(tmp_path):
    name = stored(tmp_path / "model", "thermal", lora_r=0)
    with pytest.raises(ConfigError, match="exists already"):
        export(name, tmp_path)
    with pytest.raises(MissingError, match="does not exist"):
        export(str(tmp_path / "absent"), tmp_path / "out")
    weights = Path(name, "model.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"model\.safetensors cannot be read"):
        export(name, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


@pytest.mark.skipif(not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are not here")
@pytest.mark.parametrize(
    "case", sorted(path.name for path in PARITY.glob("*-lora") if (path / "weights.safetensors").exists())
)
def test_recorded_models_give_the_recorded_vectors_without_their_lora(case, tmp_path):
    """Models whose outputs were recorded from the published implementation; their fully tuned twins tell the names."""
    folder = checkpoint(tmp_path, PARITY / case)
    out = export(str(folder), tmp_path / "out")
    inputs, outputs = tensors(case, "inputs"), tensors(case, "outputs")
    with torch.inference_mode():
        media, texts, _ = load(out)(inputs["pixel_values"], inputs["input_ids"], inputs["attention_mask"])
    near(media, outputs["image_embeds"], 1e-5)
    near(texts, outputs["text_embeds"], 1e-5)
    twin = PARITY / case.replace("-lora", "-ft") / "weights.safetensors"
    if twin.is_file():
        assert kinds(load_file(out / "model.safetensors")) == kinds(load_file(twin))


def kinds(names) -> set[str]:
    """Names of weights without the numbers of layers, of which recorded models have different ones."""
    return {re.sub(r"\d+", "N", name) for name in names if not name.endswith("position_ids")}
