"""`vidal export` of shards as a user meets it: one line of what was done, or of what is wrong."""

from __future__ import annotations

import json

import pytest

from tests.shard.dataset import CLIPS, SOUNDS


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("folders", f"{CLIPS} clips; left out {SOUNDS} (no clip)"),
        ("original-shards", f"{CLIPS} clips; left out {SOUNDS} (no clip)"),
        ("parquet", f"{CLIPS + SOUNDS} samples"),
        ("release", f"{CLIPS + SOUNDS} samples"),
    ],
)
def test_one_line_says_what_was_written(vidal, shards, tmp_path, form, line):
    assert vidal("export", form, shards.location, tmp_path / "out") == (0, f"{tmp_path / 'out'}: {line}\n", "")
    assert (tmp_path / "out").exists()


def test_as_json(vidal, shards, changed, tmp_path):
    code, said, _ = vidal("export", "folders", changed({"depth": None}).location, tmp_path / "out", "--json")
    assert code == 0 and json.loads(said) == {
        "out": str(tmp_path / "out"), "samples": 1, "left_out": {}, "without": {"depth in metres": 1},
    }  # fmt: skip


def test_what_is_wrong_is_one_line(vidal, tmp_path, shards):
    code, _, said = vidal("export", "parquet", tmp_path / "none", tmp_path / "out")
    assert (code, said.count("\n")) == (2, 1) and "no .tar shards there" in said
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    code, _, said = vidal("export", "parquet", shards.location, tmp_path / "out")
    assert (code, said) == (2, f"vidal: {tmp_path / 'out'} is there already; name a new folder\n")
