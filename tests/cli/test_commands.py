"""The commands as a user meets them: what they print, and how they end."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.whole.local import Project, good_clips, said
from vidal import __version__
from vidal.pipeline import Pipeline
from vidal.resources import shipped_root

CLIPS = 2
TEMPLATES = sorted(path.stem for path in (shipped_root() / "pipelines").glob("*.yaml"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of good clips and a broken one, built."""
    project = Project(tmp_path_factory.mktemp("own"))
    for entry in good_clips(CLIPS):
        project.add(entry)
    (project.folder / "clips" / "broken.mp4").write_bytes(b"no clip")
    (project.folder / "clips" / "broken.txt").write_text("Two words")
    project.configure(tolerance=1)
    done = project.vidal("build")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_version_and_the_help(empty: Project) -> None:
    assert said(empty.vidal("--version")) == f"vidal {__version__}\n"
    shown = said(empty.vidal("--help"))
    commands = ["init", "config", "build", "status", "failures", "inspect", "models", "demo", "submit"]
    assert [name for name in commands if name not in shown] == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_init_writes_a_template_once(empty: Project, template: str) -> None:
    said(empty.vidal("init", template))
    written = (empty.folder / "vidal.yaml").read_text(encoding="utf-8")
    assert written == (shipped_root() / "pipelines" / f"{template}.yaml").read_text(encoding="utf-8")
    assert "exists already" in said(empty.vidal("init", template), 2)


def test_init_names_the_templates_there_are(empty: Project) -> None:
    assert [name for name in TEMPLATES if name not in said(empty.vidal("init", "nothing"), 2)] == []


def test_config_shows_what_a_build_would_run(built: Project) -> None:
    assert "valid" in said(built.vidal("config", "validate"))
    rendered = yaml.safe_load(said(built.vidal("config", "render", "--set", "shard.samples=7")))
    assert rendered["shard"]["samples"] == 7 and rendered["harvest"]["media"]["short_side"] == 256
    assert Pipeline.model_validate(rendered).name == "own"
    assert json.loads(said(built.vidal("config", "schema"))) == Pipeline.model_json_schema()


@pytest.mark.parametrize(
    "assignment", ["shard.samples", "shard.sampels=1", "=1", "shard.samples=[", "harvest.sources.9.x=1"]
)
def test_a_wrong_assignment_is_named(built: Project, assignment: str) -> None:
    assert "--set" in said(built.vidal("config", "validate", "--set", assignment), 2)


def test_status_counts_every_candidate(built: Project) -> None:
    steps = {step["step"]: step for step in built.json("status")}
    assert steps["harvest/media"]["statuses"] == {"failed": 1, "ok": CLIPS}
    assert [step for step in steps.values() if step["pending"]] == []
    assert "harvest/media" in said(built.vidal("status"))


def test_failures_name_class_and_sample_and_can_be_filtered(built: Project) -> None:
    [row] = built.json("failures")
    assert (row["step"], row["error_class"], row["attempts"]) == ("harvest/media", "NotMedia", 1)
    shown = said(built.vidal("failures"))
    assert row["id"] in shown and "NotMedia: 1" in shown and "--retry-failed" in shown
    assert built.json("failures", "--class", "TooLong") == built.json("failures", "--step", "filter/quality") == []
    assert "no failures" in said(built.vidal("failures", "--class", "TooLong"))


def test_failed_samples_are_tried_again_when_asked(built: Project) -> None:
    def tried(*words: str) -> int:
        steps = built.json("build", "--stage", "harvest", *words)["steps"]
        return next(step["done"] for step in steps if step["step"] == "harvest/media")

    assert tried() == 0 and tried("--retry-failed", "--class", "TooLong") == 0
    assert tried("--retry-failed", "--class", "NotMedia") == 1
    assert built.json("failures")[0]["attempts"] == 2
    assert "--retry-failed" in said(built.vidal("build", "--class", "NotMedia"), 2)


def test_a_dry_run_does_nothing(empty: Project) -> None:
    empty.add(good_clips(1)[0])
    empty.configure()
    assert "harvest/media" in said(empty.vidal("build", "--dry-run"))
    assert {step["pending"] for step in empty.json("build", "--dry-run")} == {None}
    assert not list((empty.folder / "w").glob("harvest/*"))


def test_a_limit_takes_up_so_many_samples(empty: Project) -> None:
    for entry in good_clips(3):
        empty.add(entry)
    empty.configure()
    steps = {step["step"]: step for step in empty.json("build", "--limit", "2")["steps"]}
    assert (steps["harvest/media"]["done"], steps["shard/write"]["done"]) == (2, 2)
    steps = {step["step"]: step for step in empty.json("build")["steps"]}
    assert (steps["harvest/media"]["already"], steps["harvest/media"]["done"]) == (2, 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--stage", "filtr"), "stages are terms, harvest"),
        (("--runner", "slurm"), "runner.kind"),
        (("--limit", "0"), "--limit"),
        (("nothing.yaml",), "nothing.yaml does not exist"),
    ],
)
def test_a_build_that_cannot_be_says_why(built: Project, words: tuple[str, ...], says: str) -> None:
    assert says in said(built.vidal("build", *words), 2)


def test_inspect_lists_shards_and_members(built: Project) -> None:
    shown = said(built.vidal("inspect", "w/shards"))
    assert f"{CLIPS} samples ({CLIPS} video) in 1 shards" in shown and "frm*.jpg" in shown
    assert built.json("inspect", "w/shards")["kinds"] == {"video": CLIPS}
    assert "nothing wrong" in said(built.vidal("inspect", "w/shards", "--verify"))


def test_inspect_shows_and_exports_one_sample(built: Project, tmp_path: Path) -> None:
    records = [json.loads(path.read_text()) for path in (built.folder / "clips").glob("*.json")]
    wrong = said(built.vidal("inspect", "w/shards", "--key", "nobody"), 2)
    assert "nobody" in wrong
    import webdataset

    [key, *_] = [
        s["__key__"] for s in webdataset.WebDataset(str(built.folder / "w/shards/vidal-000000.tar"), shardshuffle=False)
    ]
    shown = said(built.vidal("inspect", "w/shards", "--key", key, "--export", str(tmp_path / "out")))
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {f"{key}.mp4", f"{key}.frm0.jpg", f"{key}.json", f"{key}.txt"} <= files
    assert all(name in shown for name in files)
    title = json.loads(said(built.vidal("inspect", "w/shards", "--key", key, "--json")))["record"]["title"]
    assert title in {record["title"] for record in records}
    assert "--key" in said(built.vidal("inspect", "w/shards", "--export", "x"), 2)


def test_inspect_ends_with_1_where_something_is_wrong(built: Project, tmp_path: Path) -> None:
    tar = (built.folder / "w/shards/vidal-000000.tar").read_bytes()
    (tmp_path / "cut-000000.tar").write_bytes(tar[: len(tar) // 2])
    assert "cut-000000.tar" in said(built.vidal("inspect", str(tmp_path), "--verify"), 1)
    assert "no .tar shards there" in said(built.vidal("inspect", "clips"), 2)


def test_models_are_listed_and_checked(empty: Project) -> None:
    empty.configure(generate={"depth": {"checkpoint": "demo:depth"}, "infrared": {"checkpoint": "./none"}})
    assert empty.json("models", "list") == [
        {"key": "generate.depth.checkpoint", "role": "depth", "checkpoint": "demo:depth"},
        {"key": "generate.infrared.checkpoint", "role": "infrared", "checkpoint": "./none"},
    ]
    done = empty.vidal("models", "check", "--json")
    assert [row["ok"] for row in json.loads(done.stdout)] == [True, False] and done.returncode == 1
    empty.configure(generate={"depth": {"checkpoint": "demo:depth"}})
    assert "0.56 M" in said(empty.vidal("models", "check"))


def test_an_interrupted_build_says_how_to_continue(empty: Project) -> None:
    clips = long_harvest(empty)
    empty.configure(part_size=1)
    command = [sys.executable, "-m", "vidal", "build"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=empty.folder, start_new_session=True, preexec_fn=heed_interrupts, **pipes)
    while process.poll() is None and not begun(empty, "harvest/media"):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    shown, errors = process.communicate(timeout=60)
    assert process.returncode == 130, shown + errors
    assert errors == "vidal: interrupted; run the same command again to continue\n"
    assert not (empty.folder / "w/shards/__len__").exists()
    said(empty.vidal("build"))
    assert (empty.folder / "w/shards/__len__").read_text() == str(clips)


def heed_interrupts() -> None:
    """A shell has what it starts in the background ignore interrupts, and so does all that is started from there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def long_harvest(project: Project, copies: int = 24) -> int:
    """Fill a project with so many clips that a build is still at them when the test has seen it begin."""
    [entry] = good_clips(1)
    clip = project.add(entry)
    for number in range(1, copies):
        copy = clip.with_name(f"copy{number}.mp4")
        copy.write_bytes(clip.read_bytes() + free_box(number))
        copy.with_suffix(".json").write_bytes(clip.with_suffix(".json").read_bytes())
    return copies


def free_box(number: int) -> bytes:
    """An MP4 box that players skip (ISO/IEC 14496-12, 8.1.2): it makes the bytes of a copy its own."""
    return struct.pack(">I4sI", 12, b"free", number)


def begun(project: Project, step: str) -> bool:
    """Whether a build of the project has come to a step."""
    return any(f'"step": "{step}"' in path.read_text() for path in project.folder.glob("w/runs/*/events.jsonl"))
