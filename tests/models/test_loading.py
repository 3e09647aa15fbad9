"""Every role loads its demo checkpoint, and refuses weights that do not fit."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from vidal import models
from vidal.engine.errors import ConfigError

MADE = {"audio_tagger": tiny.tagger, "text_detector": tiny.detector, "head": tiny.head}
"""Roles that the demo has no checkpoint of, and what makes a tiny one."""
DEMO = {
    "clip": "demo:clip",
    "clap": "demo:clap",
    "depth": "demo:depth",
    "infrared": "demo:srgb-tir",
    "captioner": "demo:captioner",
    "video_captioner": "demo:video-captioner",
}


@pytest.fixture(scope="module", params=[*DEMO, *MADE])
def loaded(request, tmp_path_factory):
    """Each role with a checkpoint of it."""
    role = request.param
    return role, DEMO[role] if role in DEMO else str(MADE[role](tmp_path_factory.mktemp(role)))


def test_every_role_is_loaded_here():
    assert {*DEMO, *MADE} == models.ROLES.keys()


def test_check_counts_weights_and_bytes(loaded):
    role, checkpoint = loaded
    result = models.check(role, checkpoint)
    assert result.ok, result.message
    weights = load_file(result.path / "model.safetensors")
    stored = (result.path / "model.safetensors").stat().st_size
    assert 0 < result.parameters <= sum(tensor.numel() for tensor in weights.values())
    assert stored <= result.bytes < stored + 200_000
    assert torch.get_num_threads() == 1


def test_mismatching_weights_are_refused_with_their_keys(loaded, tmp_path):
    role, checkpoint = loaded
    folder = shutil.copytree(models.resolve(checkpoint), tmp_path / "changed")
    weights = load_file(folder / "model.safetensors")
    missing = next(key for key in sorted(weights) if weights[key].ndim > 1)
    del weights[missing]
    weights["stray.weight"] = torch.zeros(3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError) as caught:
        models.load(role, str(folder), device="cpu")
    message = str(caught.value)
    assert missing in message and "stray.weight" in message and str(folder) in message and "\n" not in message
    assert not models.check(role, str(folder)).ok


def test_weights_of_another_shape_are_refused(loaded, tmp_path):
    role, checkpoint = loaded
    folder = shutil.copytree(models.resolve(checkpoint), tmp_path / "changed")
    weights = load_file(folder / "model.safetensors")
    changed = max(sorted(weights), key=lambda key: weights[key].ndim)
    weights[changed] = torch.cat([weights[changed], weights[changed]])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError) as caught:
        models.load(role, str(folder), device="cpu")
    assert changed in str(caught.value)


def test_a_folder_of_another_kind_is_refused_in_one_message(loaded, tmp_path):
    role, _ = loaded
    (tmp_path / "notes.txt").write_text("no checkpoint")
    with pytest.raises(ConfigError, match=f"does not load as '{role}'"):
        models.load(role, str(tmp_path), device="cpu")
    other = "demo:clip" if role != "clip" else "demo:clap"
    assert not models.check(role, other).ok


class Bomb:
    """Touches a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize(("role", "name"), [("clip", "open_clip_pytorch_model.bin"), ("depth", "pytorch_model.bin")])
def test_a_pickle_never_runs(role, name, tmp_path):
    folder = shutil.copytree(models.resolve(f"demo:{role}"), tmp_path / "changed")
    (folder / "model.safetensors").unlink()
    mark = tmp_path / "ran"
    (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    torch.save({"weight": Bomb(mark)}, tmp_path / "bomb.pt")
    with pytest.raises(ConfigError):
        models.load(role, str(folder), device="cpu")
    with pytest.raises(ConfigError):
        models.load("infrared", str(tmp_path / "bomb.pt"), device="cpu")
    assert not mark.exists()
