"""The published configurations that the project knows, against what is known of the published checkpoints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vidal.engine.errors import ConfigError, MissingError
from vidal.models.blueprint import lay_out, outline
from vidal.models.registry import load
from vidal.resources import shipped_root

PARITY = Path(__file__).parents[2] / "../shared/parity"
LISTINGS = [
    ("captioner", "OFA-Sys/ofa-base", "ofa/keys-ofa-base.json"),
    ("captioner", "OFA-Sys/ofa-large-caption", "ofa/keys-ofa-large.json"),
    ("captioner", "MAGAer13/mplug-owl-llama-7b", "mplug-owl/keys-mplug-owl-7b.json"),
    ("video_captioner", "MAGAer13/mplug-owl-llama-7b-video", "mplug-owl/keys-mplug-owl-7b-video.json"),
]
COUNTED = [
    ("audio_tagger", "MIT/ast-finetuned-audioset-10-10-0.4593", 87),  # arXiv 2104.01778, section 3.1
    ("clip", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 151),  # open_clip's docs/model_profile.csv
    ("clip", "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K", 150),
    ("clip", "laion/CLIP-ViT-L-14-laion2B-s32B-b82K", 428),
    ("clip", "laion/CLIP-ViT-H-14-laion2B-s32B-b79K", 986),
    ("video_captioner", "Qwen/Qwen2.5-VL-7B-Instruct", 8292),  # the hub's count of its files
    ("depth", "Intel/dpt-large", 343),  # arXiv 2103.13413, table 1
    ("depth", "depth-anything/Depth-Anything-V2-Small-hf", 25),  # arXiv 2406.09414, table 2
    ("depth", "depth-anything/Depth-Anything-V2-Base-hf", 97),
    ("depth", "depth-anything/Depth-Anything-V2-Large-hf", 335),
]  # fmt: skip
"""Millions of weights as published."""


def shipped() -> list[tuple[str, str]]:
    """Role and name of each checkpoint of a hub that a pipeline file of the project names, comments included."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (shipped_root() / "pipelines").glob("*.yaml"))
    named = re.findall(r"^\W*(\w+): +\{checkpoint: \"?([\w.-]+/[\w.-]+)\"?[,}]", text, re.M)
    roles = {"keyframes": "captioner", "video": "video_captioner", "tagger": "audio_tagger", "overlay": "text_detector"}
    return sorted({(roles.get(key, key), name) for key, name in named})


@pytest.mark.parametrize(("role", "name"), shipped())
def test_every_checkpoint_that_a_pipeline_file_names_is_known(role, name):
    assert outline(role, name).parameters > 20e6


def test_the_pipeline_files_name_some():
    assert {role for role, _ in shipped()} >= {"clip", "clap", "depth", "captioner", "video_captioner"}


@pytest.mark.parametrize(("role", "name", "millions"), COUNTED)
def test_weights_are_as_many_as_published(role, name, millions):
    found = outline(role, name)
    assert round(found.parameters / 1e6) == millions and found.bytes == (2 if "Qwen" in name else 4) * found.parameters


@pytest.mark.parametrize(("role", "name", "listing"), LISTINGS)
def test_names_and_shapes_are_those_of_the_published_listing(role, name, listing, tmp_path):
    if not PARITY.is_dir():
        pytest.skip(f"{PARITY} is absent")
    stored = json.loads((PARITY / listing).read_text())["tensors"]
    lay_out(role, name, tmp_path, reach=False)
    network = load(role, str(tmp_path), "meta", weights="random").network
    found = {key: list(one.shape) for key, one in network.state_dict().items()}
    assert found == {key: one["shape"] for key, one in stored.items() if not one.get("derived")}


def test_an_infrared_checkpoint_that_is_nowhere_is_the_published_one(tmp_path):
    if not PARITY.is_dir():
        pytest.skip(f"{PARITY} is absent")
    listing = json.loads((PARITY / "srgb-tir/keys-srgb-tir.json").read_text())
    assert outline("infrared", f"{tmp_path}/none").parameters == 2 * listing["n_parameters_per_generator"]


def test_an_unknown_architecture_and_a_head_are_one_message_each(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"'some-org/some-model'.*not known here.*config.json"):
        outline("depth", "some-org/some-model")
    with pytest.raises(MissingError, match="does not exist"):
        outline("depth", "./none")
    with pytest.raises(ConfigError, match="linear layer"):
        outline("head", "some-org/head")


def test_a_known_architecture_in_another_role_names_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match=r"'vinvino02/glpn-nyu' does not load as 'captioner'") as caught:
        outline("captioner", "vinvino02/glpn-nyu")
    assert "vidal-blueprint" not in str(caught.value)


def test_what_is_here_is_laid_out_without_its_weights(tmp_path):
    lay_out("captioner", "demo:captioner", tmp_path)
    assert (tmp_path / "config.json").is_file() and (tmp_path / "vocab.json").is_file()
    assert not list(tmp_path.glob("*.safetensors"))
