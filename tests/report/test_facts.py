"""The numbers of a report against the manifests themselves."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.report.conftest import report_of
from tests.shard.dataset import FATES, SHARDS
from vidal.engine.build import Build, Options
from vidal.engine.workspace import Workspace
from vidal.report.facts.ledger import follow
from vidal.report.outcomes import KEPT, Outcome


def rows(build: Build, step: str) -> list[dict]:
    """Every row of a step, read from its files alone; this build has one piece per part."""
    files = sorted(Path(build.workspace.path(step)).glob("part-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_the_funnel_equals_the_manifests(finished, told):
    _, build = finished
    for passage in told.funnel:
        losses = Counter({(one.status, one.reason): one.amount.samples for one in passage.losses})
        if passage.step == "filter/verdicts":
            verdicts = pq.read_table(build.workspace.path("filter/verdicts.parquet")).to_pylist()
            assert losses == Counter(("dropped", row["rule"]) for row in verdicts if not row["kept"])
            assert passage.passed.samples == sum(row["kept"] for row in verdicts)
        elif passage.step == "shard/write":
            index = pq.read_table(build.workspace.path("shards/index.parquet")).to_pylist()
            assert passage.passed.samples == len(index)
            assert passage.passed.hours == pytest.approx(sum(row["seconds"] for row in index) / 3600, abs=1e-6)
        else:
            found = rows(build, passage.step)
            lost = [row for row in found if row["status"] != "ok"]
            assert losses == Counter((row["status"], row["rule"] or row["error_class"]) for row in lost)
            assert sum(losses.values()) + passage.passed.samples == passage.entered.samples
        assert passage.pending.samples == 0
    assert told.found.samples == len(rows(build, "harvest/candidates"))
    planted = Counter((step, status, reason) for status, step, reason in FATES.values())
    assert planted == Counter(
        {(one.step, loss.status, loss.reason): loss.amount.samples for one in told.funnel for loss in one.losses}
    )


def test_what_is_told_of_the_whole(finished, told):
    made, build = finished
    assert told.kept.samples == len(made.kept) and told.kept.kinds == {"audio": 3, "video": 5}
    assert told.unfinished == () and told.runs[-1].state == "unfinished" and told.terms.terms == 0
    facets = {facet.name: {bar.label: (bar.found, bar.kept) for bar in facet.bars} for facet in told.facets}
    media = [row for row in rows(build, "harvest/media") if row["status"] == "ok"]
    assert sum(found for found, _ in facets["frames a second"].values()) == sum(bool(row["fps"]) for row in media)
    assert sum(kept for _, kept in facets["licences"].values()) == len(made.kept)
    assert [name for name, _ in told.grid.rows] == ["clips"]
    assert sum(told.grid.rows[0][1]) == len(made.kept)
    failed = Counter((one.step, one.error_class) for one in told.failures)
    assert failed == Counter(
        {("harvest/media", "Truncated"), ("filter/score", "NoScore"), ("generate/depth", "NoDepth")}
    )


def test_histograms_count_every_score_once(finished, told):
    _, build = finished
    scores = pq.read_table(build.workspace.path("filter/scores.parquet"))
    [motion] = [one for one in told.scores.scores if one.name == "motion"]
    inside = sum(map(sum, motion.histogram.counts))
    assert inside == len(scores) - scores["motion"].null_count and motion.thresholds == (0.03,)
    assert motion.rule == "still" and [one.rule for one in told.scores.scores if one.name == "brightness"] == [""]


def test_an_empty_workspace_is_told_as_it_is(finished, tmp_path):
    made, _ = finished
    build = Build(Workspace(str(tmp_path / "empty")), made.nodes(SHARDS), Options())
    report = report_of(build)
    assert report.found.samples == report.kept.samples == report.shards == 0 and report.terms is None
    assert report.scores.missing and report.runs == () and len(report.unfinished) == len(report.steps)


def test_a_half_built_workspace_says_what_is_pending(finished, tmp_path):
    made, original = finished
    folder = Path(shutil.copytree(original.workspace.root, tmp_path / "half"))
    for name in ("generate", "caption", "shards", "shard"):
        shutil.rmtree(folder / name)
    report = report_of(Build(Workspace(str(folder)), made.nodes(SHARDS), Options()))
    passages = {one.step: one for one in report.funnel}
    depth = passages["generate/depth"]
    assert depth.pending.samples == depth.entered.samples == 6 and depth.passed.samples == 0
    assert passages["shard/write"].pending.samples == 3 and report.shards == 0
    assert report.kept.samples == 9
    assert "generate/depth" in [step.step for step in report.unfinished]


def test_what_waits_is_told_by_the_step_it_waits_for(finished, tmp_path):
    made, original = finished
    folder = Path(shutil.copytree(original.workspace.root, tmp_path / "half"))
    shutil.rmtree(folder / "generate")
    fates = Counter(follow(Build(Workspace(str(folder)), made.nodes(SHARDS), Options())).fates().values())
    assert fates[Outcome("pending", "generate/depth")] == 6 and fates[KEPT] == 3
    assert fates[Outcome("dropped", "filter/verdicts", "still")] == 1 and sum(fates.values()) == 14
