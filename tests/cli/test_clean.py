"""`vidal clean` as a user meets it: what is freed, and that nothing that is needed is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.whole.local import Project, good_clips, said

SMALL = {"media": {"short_side": 64}}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("own"))
    for entry in good_clips(2):
        project.add(entry)
    configure(project)
    assert project.done()
    return project


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(built.folder, tmp_path, dirs_exist_ok=True)))


def configure(project: Project, **harvest: Any) -> None:
    sources = [{"type": "local", "name": "clips", "path": "clips"}]
    project.configure(harvest={"sources": sources, **harvest}, shard={"samples": 1})


def files(project: Project) -> dict[str, bytes]:
    """All but the records of runs."""
    folder = project.folder / "w"
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith((".", "runs/"))}


def test_what_was_just_built_is_all_of_use(project: Project) -> None:
    before = files(project)
    assert said(project.vidal("clean")).strip() == "freed 0.0 MB"
    assert files(project) == before and project.done() == {}


def test_results_of_earlier_settings_go_and_the_dataset_stays(project: Project) -> None:
    """After a change of the media, what lies there is as if nothing else had ever been built."""
    configure(project, **SMALL)
    alone = Project(project.folder / "alone")
    shutil.copytree(project.folder / "clips", alone.folder / "clips")
    configure(alone, **SMALL)
    assert alone.done() and project.done()["harvest/media"] == 2
    (project.folder / "w" / "harvest/media/part-000009-000-0123456789ab.tar").write_bytes(b"of a write that was killed")
    before, told = files(project), project.json("clean", "--dry-run")
    assert files(project) == before and told["dry_run"]
    places = {one["place"]: one for one in told["unused"]}
    assert set(places) == {"filter/hashes", "filter/quality", "harvest/media", "shard/write"}
    assert project.json("clean")["unused"] == told["unused"]
    now = files(project)
    assert sum(one["bytes"] for one in told["unused"]) == sum(len(before[name]) for name in before.keys() - now.keys())
    made = {name: data for name, data in files(alone).items() if name.endswith(".tar")}
    assert made and {name: data for name, data in now.items() if name.endswith(".tar")} == made
    assert len(now) == len(files(alone)) and set(project.done()) <= {
        "filter/scores",
        "filter/duplicates",
        "filter/verdicts",
    }
    shards = {name: data for name, data in files(alone).items() if name.startswith("shards/")}
    assert {name: data for name, data in files(project).items() if name.startswith("shards/")} == shards


def test_before_a_build_is_done_nothing_goes(project: Project) -> None:
    configure(project, **SMALL)
    before = files(project)
    shown = said(project.vidal("clean"), 2)
    assert "harvest/media is stale" in shown and "Nothing was removed" in shown
    assert "harvest/media" in said(project.vidal("clean", "--dry-run"))
    assert files(project) == before


def test_shards_that_are_named_like_pieces_stay(project: Project) -> None:
    configured = {"samples": 1, "prefix": "part-000001"}
    project.configure(harvest={"sources": [{"type": "local", "name": "clips", "path": "clips"}]}, shard=configured)
    assert project.done() == {"shard/write": 2}
    assert {one["place"] for one in project.json("clean")["unused"]} == {"shard/write"}
    assert len([name for name in files(project) if name.startswith("shard/write/part-000001-")]) == 2
    assert project.done() == {}
