"""`vidal forget` as a user meets it: what it prints, and how it ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.whole.local import Project, good_clips, said
from vidal.engine.workspace import Workspace
from vidal.harvest.candidate import safe_id


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("own"))
    for entry in good_clips(3):
        project.add(entry)
    project.configure(shard={"samples": 1})
    done = project.vidal("build")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(built.folder, tmp_path, dirs_exist_ok=True)))


def clips(project: Project) -> list[str]:
    return sorted(path.name for path in (project.folder / "clips").glob("*.mp4"))


def files(project: Project) -> dict[str, bytes]:
    folder = project.folder / "w"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*") if path.name != ".lock"}


def test_a_dry_run_says_what_would_go_and_changes_nothing(project: Project) -> None:
    before = files(project)
    shown = said(project.vidal("forget", clips(project)[0], "nobody", "--dry-run"))
    assert "would forget 1 samples" in shown and "harvest/media        1" in shown and "to rewrite" in shown
    assert "nothing here is called nobody; it would be kept out" in shown
    assert files(project) == before


def test_forgetting_says_what_went_and_what_is_left_builds_no_more(project: Project) -> None:
    first, second, _ = clips(project)
    (project.folder / "gone.txt").write_text(f"\ufeff# asked for in a letter\n{first}\n\n  nobody \n", encoding="utf-8")
    told = project.json("forget", safe_id("clips", second), "--file", "gone.txt")
    assert told["samples"] == 2 and told["unknown"] == ["nobody"] and told["dry_run"] is False
    assert told["steps"]["harvest/candidates"] == told["steps"]["harvest/media"] == 2
    assert list(told["shards"].values()) == ["removed", "removed"]
    assert (project.folder / "w/shards/__len__").read_text() == "1"
    assert "nothing wrong in 1 shards" in said(project.vidal("inspect", "w/shards", "--verify"))
    assert project.done().keys() == {"filter/scores", "filter/duplicates", "filter/verdicts"} and project.done() == {}
    shown = said(project.vidal("forget", first))
    assert "forgot 0 samples" in shown and f"{first} was forgotten before" in shown


def test_a_wrong_call_is_one_message_and_nothing_is_forgotten(project: Project) -> None:
    before = files(project)
    assert "nothing to forget" in said(project.vidal("forget"), 2)
    assert "--file none.txt" in said(project.vidal("forget", "--file", "none.txt"), 2)
    assert "names an uploader" in said(project.vidal("forget", clips(project)[0], "uploader:somebody"), 2)
    assert "vidal init" in said(project.vidal("forget", "x", "--pipeline", "none.yaml"), 2)
    assert files(project) == before


def test_nothing_is_forgotten_under_a_build(project: Project) -> None:
    with Workspace(str(project.folder / "w")).lock():
        assert "another build is writing" in said(project.vidal("forget", clips(project)[0]), 2)
