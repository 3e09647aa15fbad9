"""What a change of the pipeline file makes stale, and what it leaves alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.whole.local import Project, good_clips
from vidal.models.checkpoints import DEMO_FOLDER

COUNT = 3
RULES = [{"name": "still", "where": "motion < 0.03"}, {"name": "bright", "where": "brightness > 2"}]
SECTIONS = {
    "filter": {"clip": {"checkpoint": "demo:clip"}, "rules": RULES},
    "generate": {"depth": {"checkpoint": "depth"}, "infrared": {"checkpoint": "demo:srgb-tir"}},
    "caption": {"keyframes": {"checkpoint": "demo:captioner"}},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("own"))
    for entry in good_clips(COUNT):
        project.add(entry)
    shutil.copytree(DEMO_FOLDER / "depth", project.folder / "depth")
    project.configure(**SECTIONS)
    assert project.done()["shard/write"] == COUNT
    return project


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """A copy of the built project."""
    shutil.copytree(built.folder, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path)


def pending(project: Project) -> dict[str, int]:
    return {step["step"]: step["pending"] for step in project.json("status") if step["pending"]}


@pytest.mark.slow
def test_nothing_changed_is_nothing_to_do(project: Project) -> None:
    assert pending(project) == {} and project.done() == {}


@pytest.mark.slow
def test_another_threshold_recomputes_verdicts_and_no_score(project: Project) -> None:
    tighter = [RULES[0], {"name": "bright", "where": "brightness > 0.001"}]
    project.configure(**{**SECTIONS, "filter": {**SECTIONS["filter"], "rules": tighter}})
    assert pending(project) == {}
    assert project.done() == {"filter/verdicts": COUNT}
    project.configure(**SECTIONS)
    assert project.done() == {"filter/verdicts": COUNT, "shard/write": COUNT}


def test_another_depth_checkpoint_makes_depth_and_the_shards_stale(project: Project) -> None:
    file = project.folder / "depth" / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in sorted(weights) if name.endswith("weight") and weights[name].ndim == 4)
    save_file({**weights, name: weights[name] * 1.01}, file, metadata={"format": "pt"})
    assert pending(project) == {"generate/depth": COUNT}
    assert project.done() == {"generate/depth": COUNT, "shard/write": COUNT}


def test_a_clip_more_is_one_clips_work(project: Project) -> None:
    project.add(good_clips(COUNT + 1)[-1])
    done = project.done()
    assert {step: done[step] for step in done if step.startswith(("filter/c", "generate", "caption"))} == {
        "filter/clip": 1, "generate/depth": 1, "generate/infrared": 1, "caption/keyframes": 1,
    }  # fmt: skip
    assert done["harvest/media"] == 1


def test_a_stage_alone_needs_no_checkpoint_of_a_later_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add(good_clips(1)[0])
    project.configure(generate={"depth": {"checkpoint": "./later"}}, resources={"generate/depth": {"workers": 1}})
    assert project.vidal("build", "--stage", "terms", "--stage", "harvest").returncode == 0
    refused = project.vidal("build", "--stage", "generate")
    assert refused.returncode == 2 and "./later" in refused.stderr


def test_one_stage_alone_names_the_stage_it_misses(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add(good_clips(1)[0])
    project.configure(filter={"rules": RULES})
    missing = project.vidal("build", "--stage", "filter")
    assert missing.returncode == 2 and "vidal build --stage harvest" in missing.stderr
    assert "Traceback" not in missing.stdout + missing.stderr
    assert project.vidal("build", "--stage", "terms", "--stage", "harvest").returncode == 0
    alone = project.json("build", "--stage", "filter")
    assert {step["step"]: step["done"] for step in alone["steps"]} == {
        f"filter/{name}": 1 for name in ("text", "quality", "sound", "hashes", "scores", "duplicates", "verdicts")
    }
