"""`vidal report` as a user meets it."""

from __future__ import annotations

from pathlib import Path

from tests.whole.local import Project, good_clips


def test_a_workspace_is_reported_before_and_after_it_is_built(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add(good_clips(1)[0])
    project.configure()
    empty = project.vidal("report", "--output", "empty.html")
    assert empty.returncode == 0 and "0 of 0 samples kept" in empty.stdout, empty.stderr
    assert "not finished" in (tmp_path / "empty.html").read_text(encoding="utf-8")
    assert project.done()
    written = project.vidal("report")
    assert written.returncode == 0 and "1 of 1 samples kept" in written.stdout, written.stderr
    first = (tmp_path / "w" / "report.html").read_bytes()
    assert project.vidal("report").returncode == 0 and (tmp_path / "w" / "report.html").read_bytes() == first
    assert project.json("report")["kept"]["samples"] == 1
    wrong = project.vidal("report", "--json", "--output", "x.html")
    assert wrong.returncode == 2 and "--output" in wrong.stderr
