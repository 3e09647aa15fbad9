"""CLIPs named `open_clip:ARCHITECTURE:WEIGHTS`: tags of open_clip's list in the hub's cache, and weights in files."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from tests import tiny
from vidal import models
from vidal.engine.errors import ConfigError, MissingError

NAME = "vidal-tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FRAME = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of an architecture that open_clip now knows."""
    tiny.architecture(tmp_path_factory.mktemp("architecture"), NAME)
    return {key: value.clone() for key, value in tiny.clip_weights(NAME).items()}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of the hub, and no way to the hub: a function that stores files in it as a repository."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def stored(repository: str) -> Path:
        folder = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(COMMIT)
        (folder / "snapshots" / COMMIT).mkdir(parents=True)
        return folder / "snapshots" / COMMIT

    return stored


def listed(monkeypatch, **tags):
    """Put tags of the tiny architecture on open_clip's list."""
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, NAME, tags)


def seen(checkpoint: str) -> np.ndarray:
    return models.load("clip", checkpoint, device="cpu").embed_images([FRAME])[0]


@pytest.fixture
def expected(weights):
    """What open_clip itself makes of the frame with these weights."""
    network, _, preprocess = open_clip.create_model_and_transforms(NAME)
    network.load_state_dict(weights)
    from PIL import Image

    with torch.inference_mode():
        found = network.eval().encode_image(preprocess(Image.fromarray(FRAME))[None].expand(8, -1, -1, -1))
    return torch.nn.functional.normalize(found, dim=-1)[0].numpy()


@pytest.mark.parametrize("form", ["safetensors", "state_dict.pt", "training.pt"])
def test_weights_in_a_file_of_any_form(form, weights, expected, tmp_path):
    file = tmp_path / f"weights.{form}"
    if form == "safetensors":
        save_file(weights, file)
    elif form == "training.pt":
        torch.save({"epoch": 3, "state_dict": {f"module.{key}": value for key, value in weights.items()}}, file)
    else:
        torch.save(weights, file)
    name = f"open_clip:{NAME}:{file}"
    np.testing.assert_allclose(seen(name), expected, atol=1e-6)
    result = models.check("clip", name)
    assert result.ok and result.path == file and result.bytes == file.stat().st_size
    assert result.parameters == sum(value.numel() for key, value in weights.items() if key != "attn_mask")


def test_the_identity_of_a_file_is_its_content_and_its_architecture(weights, tmp_path):
    save_file(weights, tmp_path / "one.safetensors")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "one.safetensors").write_bytes((tmp_path / "one.safetensors").read_bytes())
    first = models.identity(f"open_clip:{NAME}:{tmp_path / 'one.safetensors'}")
    assert first == models.identity(f"open_clip:{NAME}:{tmp_path / 'there' / 'one.safetensors'}")
    assert re.fullmatch(f"open_clip:{NAME}:sha256:[0-9a-f]{{64}}", first)
    assert first != models.identity(f"open_clip:ViT-B-32:{tmp_path / 'one.safetensors'}")
    save_file({**weights, "logit_scale": torch.tensor(1.0)}, tmp_path / "there" / "one.safetensors")
    assert first != models.identity(f"open_clip:{NAME}:{tmp_path / 'there' / 'one.safetensors'}")


def test_weights_of_another_architecture_are_one_message(weights, tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file({key: value for key, value in weights.items() if key != "text_projection"}, file)
    with pytest.raises(ConfigError, match="text_projection") as caught:
        models.load("clip", f"open_clip:{NAME}:{file}", device="cpu")
    assert "\n" not in str(caught.value) and str(file) in str(caught.value)
    save_file({**weights, "text_projection": torch.zeros(16, 4)}, file)
    with pytest.raises(ConfigError, match="text_projection"):
        models.load("clip", f"open_clip:{NAME}:{file}", device="cpu")


class Bomb:
    """Touches a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_pickle_in_a_file_of_weights_never_runs(weights, tmp_path):
    mark = tmp_path / "ran"
    torch.save({"state_dict": Bomb(mark)}, tmp_path / "saved.pt")
    (tmp_path / "plain.bin").write_bytes(pickle.dumps({"state_dict": Bomb(mark)}))
    for name in ("saved.pt", "plain.bin"):
        with pytest.raises(ConfigError):
            models.load("clip", f"open_clip:{NAME}:{tmp_path / name}", device="cpu")
    assert not mark.exists()


def test_a_tag_is_loaded_from_the_cache_with_the_preprocessing_of_its_training(weights, hub, monkeypatch, tmp_path):
    plain = {"hf_hub": "some-org/tiny/", "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "resize_mode": "squash"}
    listed(monkeypatch, plain=plain, quick={**plain, "quick_gelu": True})
    folder = hub("some-org/tiny")
    save_file(weights, folder / "open_clip_model.safetensors")
    torch.save(weights, folder / "open_clip_pytorch_model.bin")
    name = f"open_clip:{NAME}:plain"
    assert models.resolve(name) == folder / "open_clip_model.safetensors"
    assert models.identity(name) == f"open_clip:{NAME}:plain@{COMMIT}"
    config = {"model_cfg": tiny.CLIP, "preprocess_cfg": {key: plain[key] for key in ("mean", "std", "resize_mode")}}
    for quick in (False, True):
        same = tmp_path / f"folder-{quick}"
        same.mkdir()
        save_file(weights, same / "open_clip_model.safetensors")
        config["model_cfg"] = {**tiny.CLIP, "quick_gelu": quick}
        (same / "open_clip_config.json").write_text(json.dumps(config))
        assert np.array_equal(seen(f"open_clip:{NAME}:{'quick' if quick else 'plain'}"), seen(str(same)))
    assert not np.array_equal(seen(name), seen(f"open_clip:{NAME}:quick"))
    save_file(weights, tmp_path / "weights.safetensors")
    assert not np.array_equal(seen(name), seen(f"open_clip:{NAME}:{tmp_path / 'weights.safetensors'}"))


def test_a_tag_that_names_its_file_takes_that_file(weights, hub, monkeypatch):
    listed(monkeypatch, own={"hf_hub": "some-org/tiny/weights.bin"})
    folder = hub("some-org/tiny")
    save_file({**weights, "logit_scale": torch.tensor(9.0)}, folder / "open_clip_model.safetensors")
    torch.save(weights, folder / "weights.bin")
    assert models.resolve(f"open_clip:{NAME}:own") == folder / "weights.bin"
    assert models.check("clip", f"open_clip:{NAME}:own").ok


def test_a_tag_that_is_not_cached_keeps_its_name_and_offline_cannot_be_fetched(weights, hub, monkeypatch):
    listed(monkeypatch, plain={"hf_hub": "some-org/tiny/"})
    name = f"open_clip:{NAME}:plain"
    assert models.resolve(name) == models.identity(name) == name
    with pytest.raises(MissingError, match=rf"'{name}'.*vidal models fetch"):
        models.fetch(name)


def test_an_architecture_with_a_tokenizer_of_the_hub_needs_that_too(weights, hub, monkeypatch, tmp_path):
    from transformers import RobertaConfig

    shape = RobertaConfig(
        vocab_size=507, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16
    )
    shape.save_pretrained(tmp_path / "shape")
    file = tmp_path / "weights.safetensors"
    for tower in (str(tmp_path / "shape"), "some-org/words"):
        text = {"hf_model_name": tower, "hf_tokenizer_name": "some-org/words", "context_length": 20}
        (tmp_path / "with-words.json").write_text(json.dumps({**tiny.CLIP, "text_cfg": text}))
        open_clip.add_model_config(tmp_path / "with-words.json")
        if not file.exists():
            save_file(tiny.clip_weights("with-words", pretrained_text=False), file)
    name = f"open_clip:with-words:{file}"
    assert models.resolve(name) == models.identity(name) == name
    folder = hub("some-org/words")
    shape.save_pretrained(folder)
    for part in ("tokenizer.json", "tokenizer_config.json"):
        (folder / part).write_bytes((models.resolve("demo:clip") / part).read_bytes())
    assert models.resolve(name) == file
    assert models.identity(name).endswith(f"+some-org/words@{COMMIT}")
    model = models.load("clip", name, device="cpu")
    demo = models.load("clip", "demo:clip", device="cpu")
    told = [text_model.tokenize(["a red circle"])[0][:6].tolist() for text_model in (model, demo)]
    assert told[0] == told[1] and model.tokenize([""]).shape == (1, 20)
    assert model.embed_texts(["a red circle", "a bell"]).shape == (2, 16)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("open_clip:ViT-B-33:openai", "no architecture 'ViT-B-33'.*ViT-B-32"),
        ("open_clip:ViT-B-32:laion", "neither a file nor a tag of ViT-B-32.*laion2b_s34b_b79k"),
        ("open_clip:ViT-B-32", "'' is neither a file nor a tag"),
        ("open_clip:ViT-B-32:", "'' is neither a file nor a tag"),
        ("open_clip:", "no architecture ''"),
        ("open_clip:ViT-B-32:./no/such/file.pt", "neither a file nor a tag"),
    ],
)
def test_a_name_that_names_nothing_says_what_there_is(name, said):
    with pytest.raises(MissingError, match=said):
        models.resolve(name)
    with pytest.raises(MissingError, match=said):
        models.load("clip", name)


def test_every_tag_of_the_list_lies_on_the_hub():
    """What `Named` relies on: open_clip's list of other addresses is not needed."""
    pairs = open_clip.list_pretrained()
    assert len(pairs) > 100
    assert all(open_clip.get_pretrained_cfg(*pair)["hf_hub"].count("/") == 2 for pair in pairs)


def test_a_name_of_open_clip_plays_no_other_role(weights, tmp_path):
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(ConfigError, match="does not load as 'depth': names of open_clip are names of CLIPs"):
        models.load("depth", f"open_clip:{NAME}:{tmp_path / 'weights.safetensors'}")


def test_weights_without_their_architecture_are_told_how_to_name_it(weights, tmp_path):
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(ConfigError, match="open_clip:ARCHITECTURE:FILE"):
        models.load("clip", str(tmp_path / "weights.safetensors"))
