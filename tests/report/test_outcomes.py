from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shard.dataset import FATES, RULES, SHARDS, Dataset, dataset
from vidal.engine.build import Build
from vidal.engine.workspace import Workspace
from vidal.filter.config import RuleConfig
from vidal.report.facts.ledger import follow
from vidal.report.outcomes import KEPT, Outcome, funnel


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> tuple[Dataset, Build]:
    return dataset(tmp_path_factory.getbasetemp() / "dataset")


@pytest.fixture
def copy(finished, tmp_path) -> Dataset:
    """The dataset with a workspace and media of its own."""
    original, _ = finished
    workspace = Workspace(str(shutil.copytree(original.workspace.root, tmp_path / "workspace")))
    return replace(original, workspace=workspace, media=Path(shutil.copytree(original.media, tmp_path / "media")))


def fates(build: Build) -> dict[str, Outcome]:
    """Outcomes by the name of the file."""
    urls = {row["id"]: row["url"] for row in build.store("harvest/candidates").table(["url"]).to_pylist()}
    return {urls[id_]: outcome for id_, outcome in follow(build).fates().items()}


def shard_keys(build: Build) -> set[str]:
    return set(build.workspace.read_table("shards/index.parquet").column("key").to_pylist())


def kept(build: Build) -> set[str]:
    return {id_ for id_, outcome in follow(build).fates().items() if outcome == KEPT}


def test_every_file_has_one_fate_and_it_is_the_right_one(finished):
    made, build = finished
    planted = {name: Outcome(*fate) for name, fate in FATES.items()}
    assert fates(build) == {**dict.fromkeys(made.kept, KEPT), **planted}


def test_the_kept_are_those_in_the_shards(finished):
    _, build = finished
    assert kept(build) == shard_keys(build)


def test_the_funnel_adds_up(finished):
    made, build = finished
    rows = funnel(follow(build).fates())
    assert rows[0] == (KEPT, len(made.kept))
    assert sum(count for _, count in rows) == len(made.kept) + len(FATES)
    assert Counter(outcome.status for outcome, _ in rows[1:]) == {"failed": 2, "dropped": 3, "rejected": 1}
    assert sum(count for outcome, count in rows if outcome == KEPT) == len(shard_keys(build))


def test_a_sample_is_counted_where_it_left_first(copy):
    """A rule drops the clip whose depth failed before."""
    dark = RuleConfig(name="bright", where="brightness > 0")
    build = copy.build(SHARDS, rules=(*RULES, dark))
    found = fates(build)
    assert found["unseen-9.mp4"] == found["clip-0.mp4"] == Outcome("dropped", "filter/verdicts", "bright")
    assert found["still-7.mp4"].reason == "still" and found["unscored-10.mp4"].reason == "disagreeing"
    assert kept(build) == shard_keys(build) and len(kept(build)) == 3
    assert sum(count for _, count in funnel(follow(build).fates())) == len(found)


def test_without_rules_only_errors_and_the_screen_take_samples(copy):
    build = copy.build(SHARDS, rules=())
    assert {name for name, outcome in fates(build).items() if outcome != KEPT} == {
        name for name, (status, *_) in FATES.items() if status != "dropped"
    }
    assert kept(build) == shard_keys(build)


def test_a_candidate_that_is_gone_is_counted_no_more(copy):
    (copy.media / "clip-0.mp4").unlink()
    build = copy.build(SHARDS)
    found = fates(build)
    assert "clip-0.mp4" not in found and len(found) == len(copy.kept) + len(FATES) - 1
    assert kept(build) == shard_keys(build)


OUTCOMES = st.sampled_from(
    [KEPT, *(Outcome(s, step, why) for s in ("failed", "dropped") for step in ("a/a", "b/b") for why in "xy")]
)


@given(st.dictionaries(st.text(max_size=4), OUTCOMES))
def test_a_funnel_counts_everything_once_kept_first(found):
    rows = funnel(found)
    assert dict(rows) == Counter(found.values()) and len(dict(rows)) == len(rows)
    assert sum(count for _, count in rows) == len(found)
    assert KEPT not in [outcome for outcome, _ in rows[1:]]
    for (first, most), (second, fewer) in pairwise(rows[1:]):
        assert first.step <= second.step and (first.step < second.step or most >= fewer)


@given(st.dictionaries(st.text(max_size=4), OUTCOMES), st.randoms())
def test_a_funnel_does_not_depend_on_the_order_of_samples(found, random):
    items = list(found.items())
    random.shuffle(items)
    assert funnel(dict(items)) == funnel(found)


def test_the_copy_of_a_clip_that_is_gone_is_a_duplicate_no_more(copy):
    assert fates(copy.build(SHARDS))["copy.mp4"].reason == "duplicate"
    (copy.media / "clip-1.mp4").unlink()
    assert fates(copy.build(SHARDS))["copy.mp4"] == KEPT
