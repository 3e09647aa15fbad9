"""A training's lines, shown by another process than the one that trains."""

from __future__ import annotations

import time

import pytest

from tests.train.loop.test_progress import told
from vidal.train.loop.follow import Following


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("vidal.train.loop.follow.EVERY_S", 0.01)


def shown(capsys) -> list[str]:
    """The steps of the lines that are there by now, in the order in which they came."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("step ")]
    return [line.partition("/")[0].removeprefix("step ") for line in lines]


def test_every_point_is_shown_once_and_those_before_are_not(tmp_path, capsys):
    told(tmp_path, range(1, 3))
    capsys.readouterr()
    with Following(tmp_path), (tmp_path / "metrics.jsonl").open("a") as stream:
        for part in (POINT[:30], POINT[30:]):
            stream.write(part)
            stream.flush()
            time.sleep(0.05)
    assert shown(capsys) == ["3"]


def test_a_file_that_is_made_later_or_anew_is_followed(tmp_path, capsys):
    """As where a worker is lost and the run goes on from a checkpoint: the file is another, with points taken out."""
    with Following(tmp_path):
        (tmp_path / "metrics.jsonl").write_text(POINT)
        time.sleep(0.1)
        anew = tmp_path / "other"
        anew.write_text(POINT + POINT.replace('"step": 3', '"step": 4'))
        anew.replace(tmp_path / "metrics.jsonl")
    assert shown(capsys) == ["3", "4"]


POINT = (
    '{"step": 3, "steps": 9, "seconds_left": 6.5, "loss": 2.5, "lr": 0.1, "scale": 14.0, '
    '"samples_per_second": 3.0, "waiting": 0.5}\n'
)
