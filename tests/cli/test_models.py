"""`vidal models` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.hub import point, serving
from tests.whole.local import Project
from vidal import models
from vidal.cli.app import app
from vidal.models import trials

DEPTH = {"generate": {"depth": {"checkpoint": "demo:depth"}}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose folder is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return Project(tmp_path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with the demo's depth checkpoint, and one that is gated."""
    with serving() as found:
        point(monkeypatch, found, tmp_path / "hub")
        content = {file.name: file.read_bytes() for file in models.resolve("demo:depth").iterdir()}
        found.repositories |= {"some-org/depth": content, "some-org/gated": {"config.json": b"{}"}}
        found.gated.add("some-org/gated")
        yield found


def said(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["models", *words])
    assert done.exit_code == code and "Traceback" not in done.output, done.output
    return done


def test_every_model_is_told_and_what_is_wrong_with_its_key(project):
    project.configure(generate={"depth": {"checkpoint": "demo:depth"}, "infrared": {"checkpoint": "./none"}})
    shown = said("check", code=1).output
    [depth] = [line for line in shown.splitlines() if "demo:depth" in line]
    assert [
        word for word in ("ok", "depth", "demo", "1.1 MB", "yes", "fit", "0.56 M", "Apache-2.0") if word not in depth
    ] == []
    [infrared] = [line for line in shown.splitlines() if "│ ./none" in line]
    assert "FAIL" in infrared and "≈ 120.2 MB" in infrared and " no " in infrared
    assert "generate.infrared.checkpoint: checkpoint './none' does not exist" in shown


def test_the_same_as_json(project):
    project.configure(**DEPTH)
    [row] = json.loads(said("check", "--json").stdout)
    assert row["key"] == "generate.depth.checkpoint" and (row["role"], row["checkpoint"]) == ("depth", "demo:depth")
    assert (row["ok"], row["source"], row["present"], row["keys"]) == (True, "demo", True, True)
    assert row["path"] == row["where"] == str(models.resolve("demo:depth")) and row["parameters"] == 561725


def test_an_endpoint_is_told_too(project, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    refine = {"url": "http://127.0.0.1:1/v1", "model": "some-model", "api_key_env": "NO_KEY"}
    project.configure(caption={"video": {"checkpoint": "demo:video-captioner"}, "refine": refine})
    video, asked = json.loads(said("check", "--json", code=1).stdout)
    assert video["ok"] and (asked["role"], asked["checkpoint"], asked["source"]) == ("refine", "some-model", "endpoint")
    assert not asked["ok"] and "NO_KEY" in asked["message"]


def test_fetch_tells_sizes_brings_what_it_can_and_has_nothing_to_do_then(project, hub):
    project.configure(
        generate={"depth": {"checkpoint": "some-org/depth"}}, filter={"clip": {"checkpoint": "some-org/gated"}}
    )
    assert "some-org/depth' is not on this machine" in said("check", code=1).output
    done = said("fetch", code=1)
    assert "some-org/depth: 1.1 MB of 1.1 MB in 3 files to download" in done.stdout
    assert "filter.clip.checkpoint: checkpoint 'some-org/gated' is gated" in done.stderr and "HF_TOKEN" in done.stderr
    assert f"some-org/depth: {project.folder / 'hub'}" in done.stdout
    project.configure(generate={"depth": {"checkpoint": "some-org/depth"}})
    hub.asked.clear()
    assert said("fetch").stdout == "depth            some-org/depth: is here\n" and hub.asked == []
    said("check")


def test_random_shows_what_a_batch_took(project, monkeypatch):
    """The process of its own is tried elsewhere."""

    def here(role: str, checkpoint: str, options: models.Options | None) -> trials.TrialResult:
        return trials._tried(role, checkpoint, options, "cpu", "float32")

    monkeypatch.setattr(models, "trial", here)
    project.configure(
        generate={"depth": {"checkpoint": "demo:depth"}}, caption={"keyframes": {"checkpoint": "demo:clap"}}
    )
    shown = said("check", "--random", code=1).output
    [depth] = [line for line in shown.splitlines() if "│ depth" in line]
    assert [word for word in ("ok", "0.56 M", "2.2 MB float32", "cpu", "8 × frame") if word not in depth] == []
    assert "caption.keyframes.checkpoint: checkpoint 'demo:clap' does not load as 'captioner'" in shown
    rows = json.loads(said("check", "--random", "--json", code=1).stdout)
    assert [row["ok"] for row in rows] == [True, False] and rows[0]["bytes"] == {"float32": 2246900}
