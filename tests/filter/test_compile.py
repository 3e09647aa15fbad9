"""`filter.clip.compile`: the same scores, and one message where there is no compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vidal.filter.clip import ClipScore
from vidal.filter.config import ClipConfig

SETUP = """
from vidal.engine.errors import ConfigError
from vidal.filter.clip import ClipScore
from vidal.filter.config import ClipConfig
try:
    ClipScore(ClipConfig(checkpoint="demo:clip", compile=True)).setup()
except ConfigError as error:
    print(error)
"""


def test_compiling_is_for_speed_and_no_setting_of_the_scores():
    plain, compiled = (ClipScore(ClipConfig(checkpoint="demo:clip", compile=value)) for value in (False, True))
    assert plain.settings() == compiled.settings()


@pytest.mark.slow
def test_a_compiled_model_scores_alike(videos, scored, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    plain, compiled = (ClipScore(ClipConfig(checkpoint="demo:clip", compile=value)) for value in (False, True))
    plain.setup()
    compiled.setup()
    expected, found = scored(plain, videos), scored(compiled, videos)
    assert list(tmp_path.rglob("*.so")), "nothing was compiled"
    for id_, columns in expected.items():
        assert np.allclose(found[id_].pop("clip_embedding"), columns.pop("clip_embedding"), atol=1e-3)
        assert found[id_] == pytest.approx(columns, abs=1e-5)


@pytest.mark.slow
def test_without_a_compiler_there_is_one_message(tmp_path):
    lacking = {"PATH": str(tmp_path), "CXX": "/nowhere/c++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", SETUP],
        capture_output=True,
        text=True,
        env={**os.environ, **lacking},
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr
    (line,) = run.stdout.splitlines()
    assert line.startswith("filter.clip.compile: torch cannot compile here (") and line.endswith("leave `compile` out")
