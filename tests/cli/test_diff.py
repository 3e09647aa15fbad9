"""`vidal diff` as a user meets it, with every command of its page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, commands
from tests.whole.local import Project, good_clips

Vidal = Callable[..., tuple[int, str, str]]
HERE = {"kind": "local", "workers": 0}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: Any) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return Project(tmp_path)


def test_two_builds_and_their_shards_are_compared(project: Project, vidal: Vidal) -> None:
    folder = project.folder
    clip = project.add(good_clips(1)[0])
    for workspace, name in (("w", "before"), ("second", "after")):
        project.configure(runner=HERE, workspace=workspace)
        shutil.move(folder / "vidal.yaml", folder / f"{name}.yaml")
        assert vidal("build", f"{name}.yaml")[0] == 0
        shutil.copytree(folder / workspace / "shards", folder / f"shards-{name}")
        if name == "before":
            clip.with_suffix(".json").write_text(json.dumps({"title": "Quite another title", "hashtags": []}))
            shutil.copytree(folder / "w", folder / "second")
    shown = list(commands(ROOT / "docs" / "diff.md"))
    assert len(shown) == 3
    for words in shown:
        code, said, wrong = vidal(*words)
        assert (code, wrong) == (1, "") and "title" in said, words
    page = (folder / "diff.html").read_text(encoding="utf-8")
    assert "<ins>Quite another title</ins>" in page or "<ins>Quite another</ins>" in page
    code, said, _ = vidal("diff", "shards-before", "before.yaml")
    assert code == 0 and "No difference" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("clips", "clips"), "neither a pipeline file (.yaml) nor shards"),
        (("absent.yaml", "vidal.yaml"), "absent.yaml does not exist"),
        (("vidal.yaml", "vidal.yaml"), "nothing was found"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(project: Project, vidal: Vidal, words: Any, told: str) -> None:
    project.configure(runner=HERE)
    (project.folder / "clips").mkdir()
    code, _, wrong = vidal("diff", *words)
    assert code == 2 and told in wrong and len(wrong.splitlines()) == 1
