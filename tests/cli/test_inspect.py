"""`vidal inspect` as a user meets it: conditions, checks and repairs over real shards."""

from __future__ import annotations

import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.shard.dataset import dataset
from vidal.cli.app import main


@pytest.fixture
def shards(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = dataset(tmp_path_factory.getbasetemp() / "dataset")[0]
    return Path(shutil.copytree(Path(made.workspace.root) / "shards", tmp_path / "shards"))


def vidal(*words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command in this process."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        patch.setattr(sys, "argv", ["vidal", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code or 0, out.getvalue(), error.getvalue()


def test_a_condition_lists_samples(shards):
    code, out, _ = vidal("inspect", shards, "--where", "kind = 'audio' AND seconds > 1")
    assert code == 0 and out.endswith("3 of 8 samples\n") and out.count("vidal-audio-000000.tar") == 3
    found = json.loads(vidal("inspect", shards, "--where", "score_brightness >= 0", "--json")[1])
    assert [row["kind"] for row in found] == ["video"] * 5


def test_an_unknown_column_is_answered_with_those_there_are(shards):
    code, _, error = vidal("inspect", shards, "--where", "second > 1")
    assert code == 2 and "the columns are: " in error and "seconds" in error and "score_brightness" in error


def test_damage_is_named_and_repaired(shards, tmp_path):
    path = shards / "vidal-audio-000000.tar"
    path.write_bytes(path.read_bytes()[:60_000])
    code, out, _ = vidal("inspect", path, "--verify")
    assert code == 1 and "unexpected end of data" in out and "the shard ends at byte 60000" in out
    code, out, _ = vidal("inspect", shards, "--repair", tmp_path / "out")
    assert code == 0 and "2 shards as they were" in out
    assert vidal("inspect", tmp_path / "out", "--verify")[0] == 0
    assert vidal("inspect", shards, "--repair", tmp_path / "out")[0] == 2


def test_two_questions_at_once_are_refused(shards):
    code, _, error = vidal("inspect", shards, "--verify", "--where", "true")
    assert code == 2 and "--where and --verify ask for different things" in error
