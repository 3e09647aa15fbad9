"""What a training shows and writes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.train.loop.progress import Progress, clock, line

VALUES = {"loss": 2.5, "lr": 1e-3, "scale": 14.0, "samples": 64, "seconds": 2.0, "waited": 0.5}


def points(folder: Path) -> list[dict]:
    return [json.loads(one) for one in (folder / "metrics.jsonl").read_text().splitlines()]


def told(folder: Path, steps: range, every: int = 1, of: int = 4) -> None:
    progress = Progress(folder, True, steps.start - 1, of, {})
    for step in steps:
        progress.step(step, VALUES, step % every == 0)
    progress.close()


def test_rates_are_those_since_the_line_before(tmp_path):
    progress = Progress(tmp_path, True, 0, 4, {})
    for step, seconds in enumerate((1.0, 3.0, 8.0, 8.0), 1):
        progress.step(step, {**VALUES, "seconds": seconds, "waited": seconds / 4}, step % 2 == 0)
    progress.close()
    assert [(p["step"], p["samples_per_second"], p["waiting"]) for p in points(tmp_path)] == [
        (2, 32, 0.25),
        (4, 8, 0.25),
    ]


def test_points_of_work_that_was_lost_go(tmp_path):
    told(tmp_path, range(1, 4))
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 4, "lo')
    told(tmp_path, range(3, 5))
    assert [point["step"] for point in points(tmp_path)] == [1, 2, 3, 4]
    (tmp_path / "metrics.jsonl").write_text("[1]\n")
    with pytest.raises(ConfigError, match=r"metrics\.jsonl holds a line that is no point"):
        told(tmp_path, range(3, 5))


def test_only_the_leader_writes(tmp_path, capsys):
    progress = Progress(tmp_path, False, 0, 4, {})
    progress.step(1, VALUES, True)
    progress.note("heard")
    progress.close()
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().err == ""


def test_the_curves_can_be_read(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    told(tmp_path, range(1, 3))
    (file,) = (tmp_path / "curves").iterdir()
    found, data = [], file.read_bytes()
    while data:
        size = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + size])
        found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
        data = data[16 + size :]
    assert (2, "loss", 2.5) in found and (1, "waiting", 0.25) in found


def test_wandb_that_is_not_installed_is_told_of(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_PROJECT", "towers")
    monkeypatch.setitem(sys.modules, "wandb", None)
    told(tmp_path, range(1, 2))
    assert "wandb is not installed" in capsys.readouterr().err
    assert [point["step"] for point in points(tmp_path)] == [1]


def test_wandb_hears_every_point(tmp_path, monkeypatch):
    """Its interface is given by a module of the same name, which writes down what it is told."""
    (tmp_path / "wandb.py").write_text(
        "heard = []\n"
        "def init(**about): heard.append(('init', about['id'], about['resume'])); import wandb; return wandb\n"
        "def log(point, step): heard.append((step, point['loss']))\n"
        "def finish(): heard.append('end')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("WANDB_PROJECT", "towers")
    (tmp_path / "run").mkdir()
    told(tmp_path / "run", range(1, 3))
    import wandb

    assert wandb.heard == [("init", "run", "allow"), (1, 2.5), (2, 2.5), "end"]
    monkeypatch.delitem(sys.modules, "wandb")


def test_a_terminal_shows_one_line_that_changes(tmp_path):
    source = (
        "import sys; from pathlib import Path; from tests.train.loop.test_progress import told;"
        "told(Path(sys.argv[1]), range(1, 5))"
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path)], stderr=theirs, cwd=Path(__file__).parents[3]
    ) as process:
        assert process.wait(120) == 0
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert shown.count("\n") == 1 and shown.endswith("0 min 00 s left\r\n")
    assert [part.partition(",")[0] for part in shown.split("\r\x1b[K")] == ["", *(f"step {n}/4" for n in range(1, 5))]


def test_a_line_says_where_the_run_is():
    values = {"loss": 1.23456, "lr": 5e-4, "samples_per_second": 31.44, "waiting": 0.126}
    assert line({"step": 10, "steps": 240, "seconds_left": 3725, **values}) == (
        "step 10/240, loss 1.2346, lr 5.00e-04, 31.4 samples/s, 13% waiting for data, 1 h 02 min left"
    )


@given(st.floats(0, 1e7))
def test_a_clock_tells_the_time(seconds):
    first, unit, second = clock(seconds).split()[:3]
    whole = int(first) * (3600 if unit == "h" else 60) + int(second) * (60 if unit == "h" else 1)
    assert abs(whole - seconds) <= (60.5 if unit == "h" else 0.5) and int(second) < 60
