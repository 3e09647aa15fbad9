"""`vidal init train/…` and `vidal train` as a user meets them."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.train.data import world
from vidal.cli.app import app
from vidal.engine.config import load
from vidal.engine.errors import VidalError
from vidal.resources import shipped_root
from vidal.train.config import TrainConfig
from vidal.train.loop.state import stored

PRESETS = sorted(path.stem for path in (shipped_root() / "pipelines" / "train").glob("*.yaml"))
L, H = "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K", "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
COMMON = {"betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.2, "seed": 0, "text_length": 77}
COLUMNS = (
    "modality", "clip", "text", "tuning", "r", "dropout", "lr", "coef_lr", "epochs", "warmup", "gpus", "batch_size",
    "accumulate", "batch", "frames", "mask", "mels", "columns",
)  # fmt: skip
TABLE = {
    "video-lora": ("video", L, "polish_mplug", "lora", 16, 0.0, 1e-4, 1, 16, 2000, 16, 10, 4, 640, 8, 0.3, None, None),
    "video-1.5-large": ("video", L, "mix", "attention", 0, 0.0, 1e-4, 1, 6, 2000, 64, 8, 2, 1024, 8, 0.3, None, None),
    "video-1.5-huge": ("video", H, "mix", "attention", 0, 0.0, 1e-4, 1, 6, 2000, 64, 16, 1, 1024, 8, 0.3, None, None),
    "depth": ("depth", L, "polish_mplug", "lora", 2, 0.0, 5e-4, 1e-3, 1, 200, 8, 128, 1, 1024, None, 0.5, None, None),
    "infrared": (
        "thermal", L, "polish_mplug", "lora", 2, 0.0, 1e-4, 1e-3, 1, 200, 8, 128, 1, 1024, None, 0.5, None, None,
    ),
    "audio": ("audio", L, "txt", "lora", 16, 0.0, 1e-3, 1, 16, 2000, 16, 16, 4, 1024, None, 0.1, 126, 1036),
    "audio-paper": ("audio", L, "txt", "lora", 16, 0.1, 5e-4, 1e-3, 8, 2000, 8, 64, 1, 512, None, 0.3, 128, 1000),
}  # fmt: skip
"""The hyper-parameters of LanguageBind: its published scripts (PKU-YuanGroup/LanguageBind, scripts/), for `audio-paper`
table 11 of arXiv:2310.01852. `gpus` is the number of processes whose batches are the original's."""


def preset(name: str) -> TrainConfig:
    return load(TrainConfig, shipped_root() / "pipelines" / "train" / f"{name}.yaml", [])


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.output


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_written_and_is_valid(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said("init", f"train/{name}") == "wrote train.yaml; next: edit it, then `vidal train train.yaml`\n"
    assert load(TrainConfig, Path("train.yaml"), []) == preset(name)


def test_every_setting_of_the_original_has_a_preset():
    assert {name for name in PRESETS if not name.startswith("demo-")} == TABLE.keys()


@pytest.mark.parametrize("name", TABLE)
def test_a_preset_has_the_numbers_of_the_original(name):
    found, wanted = preset(name), dict(zip(COLUMNS, TABLE[name], strict=True))
    tower, optimiser = found.tower, found.optimiser
    told = {
        "modality": found.modality, "clip": found.start.clip, "text": found.text, "tuning": found.tuning,
        "r": tower.lora_r or 0, "dropout": tower.lora_dropout or 0.0, "lr": optimiser.lr, "coef_lr": optimiser.coef_lr,
        "epochs": found.epochs, "warmup": optimiser.warmup, "gpus": wanted["gpus"], "batch_size": found.batch_size,
        "accumulate": found.accumulate, "batch": wanted["gpus"] * found.batch_size * found.accumulate,
        "frames": tower.num_frames, "mask": tower.patch_dropout, "mels": tower.num_mel_bins,
        "columns": tower.target_length,
    }  # fmt: skip
    assert told == wanted
    assert {**optimiser.model_dump(), **found.model_dump()}.items() >= COMMON.items()
    assert bool(tower.class_token_per_frame) is name.startswith("video-1.5")
    assert found.gradient_checkpointing is (name == "video-1.5-huge")
    assert (tower.lora_alpha or 16) == 16 and found.steps is None and not optimiser.compat


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    return world.folder(tmp_path_factory.mktemp("shards"), (5, 4), world.clip)


@pytest.fixture
def folder(tmp_path, monkeypatch, shards) -> Path:
    """A folder with a training file, and the current one."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, shards)
    return tmp_path


def write(folder: Path, shards: Path, **changes: Any) -> None:
    told = {
        "name": "t", "out": "out", "modality": "depth", "start": {"clip": "demo:clip"}, "tower": {"lora_r": 2},
        "data": [{"shards": str(shards)}], "batch_size": 2, "steps": 4, "workers": 0, "log_every": 1,
        "optimiser": {"lr": 1e-3}, "checkpoints": {"every": 2},
    }  # fmt: skip
    (folder / "train.yaml").write_text(yaml.safe_dump({**told, **changes}), encoding="utf-8")


def points(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(one) for one in (folder / "out" / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["modality=smell"], "modality: no modality is named smell; known are audio, depth, image, thermal, video"),
        (["text='../x'"], "text: '../x' is no name of a text view"),
        (["optimiser.lr=0"], "optimiser.lr: Input should be greater than 0 (got 0)"),
        (["optimizer=1"], "optimizer: unknown key; did you mean `optimiser`?"),
        (["tuning=full"], "tuning full trains the weights themselves; leave tower.lora_r out"),
        (["data.0.shards=/nowhere/s.tar"], "/nowhere/s.tar"),
        (["data.0.shards='pipe:cat x'"], "pipe:cat x: shards are read from files and addresses"),
        (["start.clip=/nowhere/clip"], "/nowhere/clip"),
        (
            ["modality=audio", "tower.num_mel_bins=4", "tower.target_length=4"],
            "start.clip: demo:clip: this tower has no",
        ),
        (["start={checkpoint: /nowhere}", "tower={}"], "/nowhere"),
        (["out=train.yaml"], "out: train.yaml cannot be written"),
    ],
)
def test_what_is_wrong_is_one_message(folder, settings, told):
    done = CliRunner().invoke(app, ["train", *(word for one in settings for word in ("--set", one))])
    assert isinstance(done.exception, VidalError) and told in str(done.exception), done.exception
    assert "\n" not in str(done.exception) and not (folder / "out").exists()


def test_a_training_file_that_is_absent_or_none_says_how_to_begin(folder):
    (folder / "list.yaml").write_text("- 1\n")
    for name in ("nowhere.yaml", "list.yaml"):
        told = str(CliRunner().invoke(app, ["train", name]).exception)
        assert told.startswith(name) and told.endswith("; write one with `vidal init train/NAME`")


def test_an_error_reaches_the_terminal_as_one_line(folder):
    process = vidal(folder, "--set", "modality=smell")
    out, error = process.communicate(timeout=120)
    assert process.returncode == 2 and out == "" and error.startswith("vidal: --set modality=smell: modality: no ")
    assert error.count("\n") == 1


def environment(**more: str) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root, **more}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, shards) -> Path:
    """A training through the command, to its end."""
    made = tmp_path_factory.mktemp("whole")
    write(made, shards)
    out, error = vidal(made).communicate(timeout=240)
    assert out == "out/model\n", error
    return made


def vidal(folder: Path, *words: str, launcher: tuple[str, ...] = ("-m",), **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *launcher, "vidal", "train", *words],
        cwd=folder, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def test_a_training_says_where_it_is_and_where_the_model_lies(whole):
    assert [point["step"] for point in points(whole)] == [1, 2, 3, 4]
    assert (whole / "out" / "model" / "model.safetensors").is_file()
    assert json.loads((whole / "out" / "train.json").read_text())["modality"] == "depth"


def test_a_training_goes_on_from_a_file(folder, shards):
    """What the training that is left did after the file is gone."""
    write(folder, shards, checkpoints={"every": 1, "keep": 9})
    said("train", "--set", "steps=3")
    kept = [file.name for file in stored(folder / "out" / "checkpoints")]
    done = CliRunner().invoke(app, ["train", "--set", "steps=2", "--resume", f"out/checkpoints/{kept[0]}"])
    assert done.stdout == "out/model\n" and done.stderr.startswith("step 2/2,"), done.output
    assert [point["step"] for point in points(folder)] == [1, 2]
    assert [file.name for file in stored(folder / "out" / "checkpoints")] == kept[:2]
    done = CliRunner().invoke(app, ["train", "--resume", "nowhere.pt"])
    assert str(done.exception).startswith("nowhere.pt does not exist")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_stores_and_ends_with_130(folder, number):
    process = vidal(folder, "--set", "steps=100000", "--set", "checkpoints.every=100000")
    for _ in range(2):
        assert process.stderr.readline().startswith("step ")
    process.send_signal(number)
    said_last = process.communicate(timeout=120)[1].splitlines()[-2:]
    (kept,) = stored(folder / "out" / "checkpoints")
    step = int(kept.stem.removeprefix("step-"))
    assert process.returncode == 130 and said_last[0] == f"vidal: stopped and stored after step {step}"
    assert said_last[1] == "vidal: interrupted; run the same command again to continue"
    assert points(folder)[-1]["step"] == step and not (folder / "out" / "model").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["depth", "video"])
def test_a_run_that_is_killed_anywhere_goes_on_as_if_it_had_not_been(folder, shards, name):
    """By SIGKILL, twice, after steps that are drawn; between checkpoints more often than at one."""
    told = {"steps": 45, "workers": 2, "modality": name, "checkpoints": {"every": 3}, "tower": {"patch_dropout": 0.25}}
    write(folder, shards, **told)
    killed_after = [random.randint(4, 11), random.randint(13, 22)]
    for number in killed_after:
        process = vidal(folder)
        while not process.stderr.readline().startswith(f"step {number}/"):
            assert process.poll() is None
        process.kill()
        process.communicate(timeout=120)
    out, error = vidal(folder, "--resume", "auto").communicate(timeout=240)
    assert out == "out/model\n" and not error.startswith("step 1/"), error
    again = points(folder)
    write(folder, shards, **told, out="whole")
    said("train")
    whole = [json.loads(one) for one in (folder / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert [point["loss"] for point in again] == [point["loss"] for point in whole], killed_after
    assert [point["step"] for point in again] == list(range(1, 46))
    for file in ("model.safetensors", "config.json"):
        assert (folder / "out" / "model" / file).read_bytes() == (folder / "whole" / "model" / file).read_bytes()


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@pytest.mark.slow
def test_torchrun_trains_in_two_processes(whole, folder, shards):
    """With half of the batch each, and by the same command after an interruption."""
    write(folder, shards, batch_size=1)
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", free_port(), "-m")
    done = vidal(folder, "--set", "steps=2", launcher=launcher, GLOO_SOCKET_IFNAME="lo").communicate(timeout=240)
    assert done[0] == "out/model\n", done[1]
    done = vidal(folder, launcher=launcher, GLOO_SOCKET_IFNAME="lo").communicate(timeout=240)
    assert done[0] == "out/model\n" and [point["step"] for point in points(folder)] == [1, 2, 3, 4], done[1]
    assert done[1].count("step 3/4") == 1
    assert all(point["loss"] > 0 for point in points(folder))


@pytest.mark.slow
def test_ray_begins_again_from_the_newest_checkpoint_where_a_worker_is_lost(folder, shards):
    """One of two workers is killed once, in the middle of the training."""
    write(folder, shards, batch_size=1, steps=40, checkpoints={"every": 5, "keep": 2})
    process = vidal(folder, "--workers", "2", GLOO_SOCKET_IFNAME="lo")
    deadline = time.monotonic() + 240
    while not stored(folder / "out" / "checkpoints") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    out, error = process.communicate(timeout=280)
    assert process.returncode == 0 and out.endswith("out/model\n"), out + error
    assert [point["step"] for point in points(folder)] == list(range(1, 41))
    assert (folder / "out" / "model" / "model.safetensors").is_file()
    assert error.count("step 40/40, loss") == 1 and error.count("step 1/40, loss") == 1, error
    assert list((folder / "out" / "ray").glob("*.json")) == []


@pytest.mark.slow
def test_ray_does_not_try_again_what_every_worker_would_refuse(folder, shards):
    """Checkpoints of another training, which are found by the workers."""
    write(folder, shards, batch_size=1)
    said("train", "--set", "steps=2")
    process = vidal(folder, "--workers", "2", "--set", "seed=5", GLOO_SOCKET_IFNAME="lo")
    out, error = process.communicate(timeout=280)
    assert process.returncode == 2 and out == "", out + error
    assert error.splitlines()[-1].startswith("vidal: out: ") and "holds checkpoints of another training" in error
    assert list((folder / "out" / "ray").glob("*.json")) == []


def workers_of(pid: int) -> list[int]:
    """The processes of a Ray training that was begun by a process: those below it that Ray Train names so."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                named, group = (entry / "cmdline").read_bytes(), os.getsid(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"RayTrainWorker" in named and group == os.getsid(pid):
                found.append(int(entry.name))
    return sorted(found)
