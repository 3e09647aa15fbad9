"""What is told of a checkpoint before a build: here and fitting, here and not fitting, somewhere else, nowhere."""

from __future__ import annotations

import json
import shutil
import socket
import struct
from math import prod
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.hub import point, serving
from vidal import models
from vidal.models import checking, memory


def told(role: str, checkpoint: str) -> models.CheckResult:
    found = models.check(role, checkpoint)
    assert "\n" not in found.message and found.message
    return found


def test_a_packaged_checkpoint_is_told_whole():
    found = told("depth", "demo:depth")
    assert (found.ok, found.source, found.present, found.keys) == (True, "demo", True, True)
    assert found.licence == "Apache-2.0" and not found.estimated
    assert found.path == Path(found.where) and found.bytes == sum(file.stat().st_size for file in found.path.iterdir())


@pytest.mark.parametrize(("role", "name"), [("depth", "depth"), ("clip", "clip"), ("infrared", "srgb-tir")])
def test_weights_that_do_not_fit_are_seen_before_they_are_loaded(role, name, tmp_path, monkeypatch):
    folder = shutil.copytree(models.resolve(f"demo:{name}"), tmp_path / "changed")
    weights = load_file(folder / "model.safetensors")
    gone = next(key for key in sorted(weights) if weights[key].ndim > 1)
    save_file({key: one for key, one in weights.items() if key != gone}, folder / "model.safetensors")
    loaded = []
    real = checking.load
    monkeypatch.setattr(checking, "load", lambda *a, **k: loaded.append(k.get("weights", "stored")) or real(*a, **k))
    found = told(role, str(folder))
    assert (found.ok, found.present, found.keys) == (False, True, False) and gone in found.message
    assert loaded == ["shapes"]


def test_weights_larger_than_the_memory_are_compared_and_not_loaded(tmp_path):
    """A file of 410 GB that takes no room on the disk: its header is real, its numbers are a hole."""
    folder = tmp_path / "large"
    shutil.copytree(models.resolve("demo:clap"), folder)
    settings = json.loads((folder / "config.json").read_text())
    width, words = settings["text_config"]["hidden_size"], 1_600_000_000
    settings["text_config"]["vocab_size"] = words
    (folder / "config.json").write_text(json.dumps(settings))
    shapes = {name: list(one.shape) for name, one in load_file(folder / "model.safetensors").items()}
    shapes["text_model.embeddings.word_embeddings.weight"] = [words, width]
    sparse(folder / "model.safetensors", shapes)
    found = told("clap", str(folder))
    assert found.bytes > words * width * 4 > memory.free(torch.device("cpu"))
    assert found.ok and found.keys and "not loaded" in found.message, found.message
    assert found.parameters > words * width


def sparse(file: Path, shapes: dict[str, list[int]]) -> None:
    """A safetensors file of these names and shapes whose values were never written."""
    header, at = {}, 0
    for name, shape in shapes.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * prod(shape)]}
        at += 4 * prod(shape)
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + at)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with serving() as found:
        point(monkeypatch, found, tmp_path / "hub")
        yield found


def test_a_checkpoint_of_a_hub_is_told_before_and_after_it_is_fetched(hub):
    folder = models.resolve("demo:depth")
    content = {file.name: file.read_bytes() for file in folder.iterdir()}
    hub.repositories["some-org/depth"] = {
        **content,
        "README.md": b"---\nlicense: apache-2.0\n---\nA card.\n",
        "w.h5": b"x",
    }
    before = told("depth", "some-org/depth")
    assert (before.ok, before.source, before.where, before.present) == (False, "hub", "some-org/depth", False)
    wanted = sum(len(one) for name, one in hub.repositories["some-org/depth"].items() if name != "w.h5")
    assert before.bytes == wanted and not before.estimated and before.licence == "apache-2.0"
    assert "vidal models fetch" in before.message and hub.asked == []
    models.fetch("some-org/depth")
    after = told("depth", "some-org/depth")
    assert (after.ok, after.present, after.keys, after.bytes) == (True, True, True, wanted)
    assert after.licence == "apache-2.0"


@pytest.fixture
def unreachable(tmp_path, monkeypatch):
    """No hub, and nothing cached."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = "http://{}:{}".format(*found.getsockname())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)


def test_without_a_hub_a_known_architecture_tells_the_size(unreachable):
    found = told("captioner", "OFA-Sys/ofa-tiny")
    assert (found.ok, found.present, found.estimated) == (False, False, True)
    assert found.bytes == 4 * found.parameters > 100e6
    assert "'OFA-Sys/ofa-tiny'" in found.message and "vidal models fetch" in found.message
    unknown = told("captioner", "some-org/some-captioner")
    assert (unknown.ok, unknown.present, unknown.estimated, unknown.bytes) == (False, False, False, 0)


def test_a_folder_that_is_not_there_is_told_with_the_fix(unreachable, tmp_path):
    found = told("infrared", f"{tmp_path}/none")
    assert (found.ok, found.source, found.present) == (False, "folder", False) and "does not exist" in found.message
    assert found.estimated and found.bytes == 4 * found.parameters
    assert told("depth", f"{tmp_path}/none").bytes == 0
    assert told("clip", "open_clip:ViT-B-32:nothing").source == "open_clip"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\n", "mit"),
        ("---\nlicense: other\nlicense_name: own  words\n---\n", "own words"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "mit, cc-by-4.0"),
        ("no front matter", None),
        ("---\n- a list\n---\n", None),
        ("---\nlicense: : :\n---\n", None),
        ("---\nlicense: mit\n---\n" + "x" * (1 << 20), None),
    ],
)
def test_the_licence_is_what_the_card_says(card, licence, tmp_path):
    folder = shutil.copytree(models.resolve("demo:depth"), tmp_path / "carded")
    (folder / "README.md").write_text(card)
    assert checking.licence_of(folder) == licence


def test_a_stored_folder_tells_its_card(tmp_path):
    folder = shutil.copytree(models.resolve("demo:depth"), tmp_path / "carded")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    found = told("depth", str(folder))
    assert (found.ok, found.source, found.licence) == (True, "folder", "mit")
