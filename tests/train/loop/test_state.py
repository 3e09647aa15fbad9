"""Checkpoints: whole or absent, the newest few."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vidal.engine.errors import ConfigError
from vidal.train.loop.state import Checkpoint, load, newest, save, stored

FULL = """
import resource, sys
from pathlib import Path
from tests.train.loop.test_state import at
from vidal.engine.errors import VidalError
from vidal.train.loop.state import save
folder = Path(sys.argv[1])
save(folder, at(1), keep=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    save(folder, at(2, numbers=200_000), keep=1)
except VidalError as error:
    print(error)
"""


def at(step: int, numbers: int = 8) -> Checkpoint:
    return Checkpoint(step, "origin", {"w": torch.full((numbers,), float(step))}, {}, {}, {"epoch": 0})


def steps(folder: Path) -> list[int]:
    return [int(file.stem.removeprefix("step-")) for file in stored(folder)]


def test_the_newest_few_are_kept(tmp_path):
    for step in (2, 4, 6, 8):
        assert load(save(tmp_path, at(step), keep=2)).weights["w"][0] == step
    assert steps(tmp_path) == [6, 8] and newest(tmp_path).step == 8


def test_what_lies_beyond_an_earlier_one_that_was_gone_on_from_goes(tmp_path):
    for step in (2, 4, 6, 8):
        save(tmp_path, at(step), keep=9)
    save(tmp_path, at(5), keep=2)
    assert steps(tmp_path) == [4, 5]


@pytest.mark.parametrize("room", [0, 300_000])
def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, room):
    """A file of the process may have so many bytes, then writing fails, as on a full disk."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(room)],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'step-00000002.pt'} cannot be written" in done.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["step-00000001.pt"]
    assert newest(tmp_path).weights["w"][0] == 1


def test_other_files_are_no_checkpoints(tmp_path):
    (tmp_path / "step-00000009.pt.tmp").write_bytes(b"")
    (tmp_path / "step-9.pt").write_bytes(b"")
    assert newest(tmp_path) is None


def test_a_checkpoint_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "step-00000001.pt"
    torch.save({"step": Trap()}, file)
    with pytest.raises(ConfigError, match=r"step-00000001\.pt is no checkpoint"):
        load(file)
    assert not (tmp_path / "ran").exists()


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("ran"),))
