"""`vidal diff` as a user meets it, with every command of its page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.docs.pages import ROOT, commands
from tests.whole.local import Project, good_clips


def test_two_builds_and_their_shards_are_compared(tmp_path: Path) -> None:
    project = Project(tmp_path)
    entry = good_clips(1)[0]
    clip = project.add(entry)
    project.configure()
    shutil.copy(tmp_path / "vidal.yaml", tmp_path / "before.yaml")
    assert project.done()
    clip.with_suffix(".json").write_text(json.dumps({"title": "Quite another title", "hashtags": []}))
    shutil.copytree(tmp_path / "w", tmp_path / "second")
    project.configure(workspace="second")
    shutil.copy(tmp_path / "vidal.yaml", tmp_path / "after.yaml")
    assert project.done()
    for workspace, shards in (("w", "shards-before"), ("second", "shards-after")):
        shutil.copytree(tmp_path / workspace / "shards", tmp_path / shards)
    ends = {tuple(words): project.vidal(*words) for words in commands(ROOT / "docs" / "diff.md")}
    assert len(ends) == 3
    for words, end in ends.items():
        assert end.returncode == 1 and not end.stderr, (words, end.stdout, end.stderr)
        assert "title" in end.stdout
    page = (tmp_path / "diff.html").read_text(encoding="utf-8")
    assert "<ins>Quite another</ins>" in page or "<ins>Quite another title</ins>" in page
    same = project.vidal("diff", "shards-before", "before.yaml")
    assert same.returncode == 0 and "No difference" in same.stdout, same.stderr


def test_what_cannot_be_compared_is_said_in_one_line(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.configure()
    (tmp_path / "empty").mkdir()
    for words, told in (
        (("empty", "empty"), "neither a pipeline file (.yaml) nor shards"),
        (("absent.yaml", "vidal.yaml"), "absent.yaml does not exist"),
        (("vidal.yaml", "vidal.yaml"), "nothing was found"),
    ):
        end = project.vidal("diff", *words)
        assert end.returncode == 2 and told in end.stderr and len(end.stderr.splitlines()) == 1, end.stderr
