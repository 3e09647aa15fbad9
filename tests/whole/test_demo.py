"""The demo: its verdicts against the planted truth, on both runners, and what a second build does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.whole.support import DEMO, Demo, shards
from vidal.demo.check import bad_kept, compare, good_kept
from vidal.demo.run import overrides
from vidal.engine.build import Options
from vidal.project import open_project
from vidal.report.facts.ledger import follow
from vidal.shard.read import Shards
from vidal.shard.verify import verify


@pytest.fixture(scope="module")
def workspace(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "w"
    demo.build(folder, "--runner", "local")
    return folder


@pytest.mark.timeout(600)
def test_every_planted_entry_meets_its_fate(demo: Demo, workspace: Path) -> None:
    project = open_project(DEMO, [f"workspace={workspace}", *overrides(demo.sites.base_url)])
    found = follow(project.build(Options())).fates()
    lines = compare(demo.entries, found)
    wrong = [line for line in lines if line.expected.status != "kept" and line.met < line.entries]
    assert not wrong
    assert not bad_kept(demo.entries, found)
    assert good_kept(demo.entries, found) >= 0.9


def test_the_shards_verify(workspace: Path) -> None:
    found = verify(Shards(str(workspace / "shards")))
    assert found.problems == ()
    assert found.samples >= 45


def test_stock_webdataset_reads_frames_and_texts(workspace: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    clips, sounds = (
        webdataset.WebDataset(
            [str(path) for path in sorted((workspace / "shards").glob(f"vidal-{names}.tar"))], shardshuffle=False
        )
        for names in ("[0-9]*", "audio-*")
    )
    pairs = list(clips.decode("pilrgb").to_tuple("frm0.jpg", "txt"))
    assert len(list(sounds.to_tuple("flac", "txt"))) >= 8
    assert len(pairs) >= 40
    assert all(min(image.size) == 256 and image.mode == "RGB" and text.strip() for image, text in pairs)


def test_a_second_build_does_nothing(demo: Demo, workspace: Path) -> None:
    said = json.loads(demo.build(workspace, "--runner", "local", "--json").partition("\n{")[2].join(["{", ""]))
    assert {step["step"]: step["done"] for step in said["steps"] if step["done"]} == {}


def test_a_threshold_recomputes_no_score(demo: Demo, workspace: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (workspace / "filter").rglob("part-*")}
    media = {path: path.stat().st_mtime_ns for path in (workspace / "harvest").rglob("part-*")}
    said = demo.build(workspace, "--runner", "local", "--set", "filter.rules.3.where=clip_title < 0.85")
    after = {path: path.stat().st_mtime_ns for path in (workspace / "filter").rglob("part-*")}
    assert after == before
    assert {path: path.stat().st_mtime_ns for path in (workspace / "harvest").rglob("part-*")} == media
    assert "filter/verdicts" in said
    demo.build(workspace, "--runner", "local")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ray_gives_the_same_shards(demo: Demo, workspace: Path, tmp_path: Path) -> None:
    demo.build(tmp_path / "ray", "--runner", "ray")
    assert shards(tmp_path / "ray") == shards(workspace)
