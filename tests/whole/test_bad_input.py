"""What is wrong in a pipeline file, a workspace or a file is one message or one row of the ledger, and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.whole.local import Project, good_clips
from vidal.demo.clips import claim_duration, write_entry
from vidal.demo.trouble import catalogue

DAMAGE = {
    "empty.mp4": "NotMedia",
    "page.mp4": "NotMedia",
    "list.mp4": "NotMedia",
    "concat.mp4": "NotMedia",
    "half.mp4": "Truncated",
}
"""Broken files, and the class each fails with."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.add(good_clips(1)[0])
    made.configure()
    return made


def refused(project: Project, *words: str) -> str:
    """The one message of a command that must end with exit code 2."""
    done = project.vidal("build", *words)
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said
    assert not list((project.folder / "w").glob("shards/*"))
    return " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"fitler": {}}, ["vidal.yaml:", "fitler", "filter"]),
        ({"part_size": "many"}, ["vidal.yaml:", "part_size", "many"]),
        ({"shard": {"sampels": 3}}, ["vidal.yaml:", "shard.sampels", "samples"]),
        ({"filter": {"rules": [{"name": "x", "where": "motoin < 1"}]}}, ["filter.rules.0.where", "motoin", "motion"]),
        ({"generate": {"depth": {"checkpoint": "./none"}}}, ["./none", "does not exist"]),
        ({"generate": {"depth": {"checkpoint": "demo:clip"}}}, ["demo:clip"]),
        ({"resources": {"filter/none": {"cpus": 1}}}, ["resources.filter/none", "filter/quality"]),
    ],
)
def test_a_wrong_pipeline_file_is_one_message(project: Project, sections: dict, says: list[str]) -> None:
    project.configure(**sections)
    said = refused(project)
    assert [word for word in says if word not in said] == []


def test_a_file_that_is_no_yaml(project: Project) -> None:
    (project.folder / "vidal.yaml").write_text("name: [", encoding="utf-8")
    assert "vidal.yaml:1: not valid YAML" in refused(project)


def test_no_pipeline_file(project: Project) -> None:
    (project.folder / "vidal.yaml").unlink()
    assert "vidal init" in refused(project)


def test_an_empty_source(project: Project) -> None:
    for file in (project.folder / "clips").iterdir():
        file.unlink()
    assert "no clips or sounds under" in refused(project)


def test_a_source_that_is_not_there(project: Project) -> None:
    assert "is not a folder" in refused(project, "--set", "harvest.sources.0.path=nowhere")


def test_a_workspace_that_cannot_be_written(project: Project) -> None:
    (project.folder / "file").write_text("in the way")
    said = refused(project, "--set", "workspace=file/w")
    assert "vidal.yaml: workspace" in said and "Not a directory" in said and "--set workspace=" in said


def test_broken_media_are_rows_of_the_ledger_and_the_good_clips_pass(project: Project) -> None:
    clips = project.folder / "clips"
    secret = project.folder / "secret.txt"
    secret.write_text("no clip may show this")
    whole = next(clips.glob("*.mp4")).read_bytes()
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.5,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    contents = {
        "empty.mp4": b"",
        "page.mp4": b"<!DOCTYPE html><title>404</title>",
        "list.mp4": playlist.encode(),
        "concat.mp4": f"ffconcat version 1.0\nfile '{secret}'\n".encode(),
        "half.mp4": whole[: len(whole) // 2],
    }
    for name, content in contents.items():
        (clips / name).write_bytes(content)
        (clips / name).with_suffix(".txt").write_text(f"Two words for {name}")
    second = next(entry for entry in catalogue(0) if entry.trouble == "header_3h_mp4")
    write_entry(replace(second, trouble=None), clips / "hours.mp4")
    (clips / "hours.mp4").write_bytes(claim_duration((clips / "hours.mp4").read_bytes(), 3 * 3600))
    (clips / "hours.txt").write_text(second.title)

    done = project.vidal("build", "--set", "tolerance=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    found = {row["id"].rpartition("_")[2]: row for row in project.json("failures")}
    classes = {name: row["error_class"] for id_, row in found.items() for name in DAMAGE if name.split(".")[0] in id_}
    assert classes == DAMAGE
    assert len(found) == len(DAMAGE)
    assert all("\n" not in row["message"] and row["message"] for row in found.values())
    steps = {step["step"]: step for step in project.json("status")}
    assert steps["harvest/candidates"]["statuses"] == {"ok": len(DAMAGE) + 2}
    assert steps["harvest/media"]["statuses"] == {"ok": 2, "failed": len(DAMAGE)}
    assert (project.folder / "w/shards/__len__").read_text() == "2"
    assert b"no clip may show this" not in b"".join(path.read_bytes() for path in (project.folder / "w").rglob("*.*"))


def test_failures_above_the_tolerance_are_exit_code_1(project: Project) -> None:
    (project.folder / "clips" / "empty.mp4").write_bytes(b"")
    (project.folder / "clips" / "empty.txt").write_text("Two words")
    done = project.vidal("build")
    assert done.returncode == 1 and "harvest/media" in done.stderr and "vidal failures" in done.stderr
    assert (project.folder / "w/shards/__len__").read_text() == "1"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_workspace(project: Project) -> None:
    (project.folder / "w").mkdir(mode=0o500)
    assert "cannot be written" in refused(project)
