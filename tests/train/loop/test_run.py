"""A training from its file to its end, interrupted and not, on small shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.train.data import world
from vidal.engine.errors import ConfigError, MissingError
from vidal.train.config import TrainConfig
from vidal.train.loop import run
from vidal.train.loop.state import load, stored
from vidal.train.loop.trainer import DivergedError
from vidal.train.towers.checkpoint import load as load_model


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    return world.folder(tmp_path_factory.mktemp("shards"), (5, 4), world.clip)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def config(out: Path, shards: Path, **changes: Any) -> TrainConfig:
    told = {
        "name": "t",
        "out": str(out),
        "modality": "depth",
        "start": {"clip": "demo:clip"},
        "tower": {"lora_r": 2, "patch_dropout": 0.5},
        "data": [{"shards": str(shards)}],
        "batch_size": 3,
        "steps": 5,
        "workers": 0,
        "optimiser": {"lr": 1e-3, "warmup": 1},
        "checkpoints": {"every": 2, "keep": 2},
        "log_every": 1,
    }
    return TrainConfig.model_validate({**told, **changes})


def metrics(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, shards) -> Path:
    """A run that nothing interrupts."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("whole")
    run.train(config(out, shards))
    return out


def test_a_run_leaves_a_model_its_checkpoints_and_its_curves(whole):
    assert [point["step"] for point in metrics(whole)] == [1, 2, 3, 4, 5]
    assert all(point["loss"] > 0 and 0 <= point["waiting"] <= 1 for point in metrics(whole))
    assert [file.name for file in stored(whole / "checkpoints")] == ["step-00000004.pt", "step-00000005.pt"]
    assert list((whole / "curves").glob("events.*"))
    model = load_model(whole / "model")
    assert model.config.vision.lora_r == 2 and (whole / "model" / "tokenizer.json").is_file()
    trained = load(whole / "checkpoints" / "step-00000005.pt").weights
    state = model.state_dict()
    assert all(torch.equal(state[name], weight) for name, weight in trained.items())
    assert any(weight.abs().max() > 0 for name, weight in trained.items() if "lora_B" in name)


def test_the_text_tower_is_what_it_was(whole, shards):
    from vidal.train.loop.start import start
    from vidal.train.modalities import modality

    begun = start(config(whole, shards), modality("depth")).model.state_dict()
    for name, weight in load_model(whole / "model").state_dict().items():
        if name.startswith("text_"):
            assert torch.equal(weight, begun[name]), name


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_that_is_interrupted_ends_with_the_same_weights(whole, shards, tmp_path, monkeypatch, steps):
    """Also where what was done after the newest checkpoint is lost."""
    done = []
    original = run._store

    class Gone(Exception):
        pass

    def store(trainer, folder, keep):
        original(trainer, folder, keep)
        done.append(trainer.step)

    def stepped(self, step, values, shown):
        if step == steps:
            raise Gone

    monkeypatch.setattr(run, "_store", store)
    monkeypatch.setattr(run.Progress, "step", stepped)
    with pytest.raises(Gone):
        run.train(config(tmp_path, shards))
    monkeypatch.undo()
    assert done == ([2] if steps == 3 else [])
    run.train(config(tmp_path, shards))
    found, expected = (load_file(out / "model" / "model.safetensors") for out in (tmp_path, whole))
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)
    assert [p["loss"] for p in metrics(tmp_path)] == [p["loss"] for p in metrics(whole)][-len(metrics(tmp_path)) :]


def test_a_run_that_is_told_to_stop_stores_where_it_is(shards, tmp_path, monkeypatch):
    import os
    import signal

    def stepped(self, step, values, shown):
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(run.Progress, "step", stepped)
    with pytest.raises(run.StoppedError, match="after step 4"):
        run.train(config(tmp_path, shards))
    assert stored(tmp_path / "checkpoints")[-1].name == "step-00000004.pt"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_an_accumulated_step_counts_its_micro_batches(shards, tmp_path):
    run.train(config(tmp_path, shards, accumulate=2, steps=2, batch_size=2))
    assert load(stored(tmp_path / "checkpoints")[-1]).position["batches"] in (4, 4 % 3, 0)
    assert [point["step"] for point in metrics(tmp_path)] == [1, 2]


@pytest.mark.parametrize("modality", ["image", "video", "thermal", "audio"])
def test_every_modality_trains(shards, tmp_path, modality):
    tower = {"lora_r": 2}
    if modality == "audio":
        tower |= {"num_mel_bins": 32, "target_length": 48}
    run.train(config(tmp_path, shards, modality=modality, tower=tower, steps=1, text="txt"))
    assert load_model(tmp_path / "model").config.vision.add_time_attn is (modality == "video")


def test_checkpoints_of_another_training_are_refused(whole, shards):
    with pytest.raises(ConfigError, match=r"out: .* holds checkpoints of another training"):
        run.train(config(whole, shards, tower={"lora_r": 4}))


@pytest.mark.parametrize("tuning", ["full", "attention"])
def test_tuning_must_fit_a_checkpoint(whole, shards, tmp_path, tuning):
    begun = {"start": {"checkpoint": str(whole / "model")}, "tower": {}, "steps": 1}
    with pytest.raises(ConfigError, match=f"tuning: {tuning} does not fit .* LoRA of rank 2"):
        run.train(config(tmp_path, shards, tuning=tuning, **begun))
    run.train(config(tmp_path, shards, **begun))
    assert load_model(tmp_path / "model").config == load_model(whole / "model").config


def test_samples_that_are_left_out_are_told(shards, tmp_path, capsys):
    run.train(config(tmp_path, shards, text="nothing", missing_text="txt", steps=1))
    assert "left out" not in capsys.readouterr().err
    with pytest.raises(MissingError, match="no text nothing"):
        run.train(config(tmp_path / "other", shards, text="nothing", steps=1))
    world.write(tmp_path / "mixed" / "a.tar", range(3), world.clip)
    world.write(
        tmp_path / "mixed" / "b.tar", range(3, 6), lambda n: {**world.clip(n), "dep0.png": b"", "dep3.png": b""}
    )
    run.train(config(tmp_path / "third", tmp_path / "mixed", steps=6))
    assert "samples left out by this command, by reason: " in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named(whole, shards, tmp_path):
    file = tmp_path / "step-00000001.pt"
    file.write_bytes(b"no checkpoint")
    with pytest.raises(ConfigError, match=r"step-00000001\.pt is no checkpoint"):
        run.train(config(whole, shards), resume=str(file))
    with pytest.raises(MissingError, match="does not exist"):
        run.train(config(whole, shards), resume=str(tmp_path / "absent.pt"))


def test_a_loss_that_is_no_number_ends_the_run_and_changes_no_weight(shards, tmp_path):
    settings = config(tmp_path, shards, steps=20, optimiser={"lr": 1e30}, checkpoints={"every": 1, "keep": 20})
    with pytest.raises(DivergedError, match="in 5 steps in a row"):
        run.train(settings)
    newest = [load(file).weights["visual_projection.weight"] for file in stored(tmp_path / "checkpoints")[-2:]]
    torch.testing.assert_close(*newest, equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"start": {"clip": "demo:clip", "checkpoint": "x/y"}}, "either a clip or a checkpoint"),
        ({"start": {"checkpoint": "x/y"}}, "leave `tower` out"),
        ({"tower": {"lora_r": 0}}, "lora needs"),
        ({"batch_size": 0}, "greater than or equal to 1"),
        ({"name": "../up"}, "pattern"),
    ],
)
def test_what_cannot_be_is_refused(shards, tmp_path, changes, told):
    with pytest.raises(ValueError, match=told):
        config(tmp_path, shards, **changes)
