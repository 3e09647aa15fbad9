"""The commands of the page on training run as shown, but for fewer steps, on shards like those of the demo."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.train.data import world

SHOWN = [
    words
    for block in blocks(ROOT / "docs" / "training.md", "bash")
    for words in (shlex.split(line, comments=True) for line in block.splitlines())
]
ALONE = [words for words in SHOWN if words[:2] == ["vidal", "train"] and "--workers" not in words]
TOGETHER = [words for words in SHOWN if words[0] == "torchrun" or "--workers" in words]
PROGRAMS = {"vidal": ["vidal"], "torchrun": ["torch.distributed.run"]}
FEW = ("--set", "steps=1", "--set", "batch_size=2")


def run(folder: Path, words: list[str]) -> str:
    """What a command prints, run by this interpreter."""
    program, *rest = words
    done = subprocess.run(
        [sys.executable, "-m", *PROGRAMS[program], *rest], cwd=folder, capture_output=True, text=True, timeout=280,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("training")
    world.folder(made / "workspaces" / "demo" / "shards", (4,), world.clip)
    for words in SHOWN:
        if words[:2] == ["vidal", "init"]:
            run(made, words)
    return made


def test_every_command_of_the_page_is_run() -> None:
    others = [words for words in SHOWN if words not in ALONE + TOGETHER]
    assert [words[1] for words in others] == ["demo", "init"], "the demo is run by tests/whole"
    assert len(ALONE) == 2 and len(TOGETHER) == 2


@pytest.mark.parametrize("words", ALONE, ids=" ".join)
def test_a_training_in_one_process(folder: Path, words: list[str]) -> None:
    out = f"runs/{ALONE.index(words)}"
    assert run(folder, [*words, *FEW, "--set", f"out={out}"]) == f"{out}/model\n"


@pytest.mark.slow
@pytest.mark.parametrize("words", TOGETHER, ids=" ".join)
def test_a_training_in_two_processes(folder: Path, words: list[str]) -> None:
    out = f"runs/two-{TOGETHER.index(words)}"
    assert run(folder, [*words, *FEW, "--set", f"out={out}"]) == f"{out}/model\n"
