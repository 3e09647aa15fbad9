from __future__ import annotations

import pytest

from vidal.engine.errors import MissingError
from vidal.engine.schemas import CANDIDATE_COLUMNS
from vidal.engine.step import REJECTED, Sample
from vidal.harvest.config import ScreenConfig
from vidal.harvest.screen import Screen
from vidal.harvest.spines import Candidates


def sample(id_, **columns):
    return Sample(id_, "video", columns)


def test_the_step_keeps_the_texts_of_what_it_rejects(tmp_path):
    step = Screen(ScreenConfig(), tmp_path)
    ok, rejected = step.process(
        [
            sample("a", title="A red ball", hashtags=["fyp", "ball"], seconds=3.0),
            sample("b", title="Ball", hashtags=None, seconds=None),
        ]
    )
    assert ok.status == "ok" and ok.columns == {"title": "A red ball", "hashtags": ["ball"]}
    assert (rejected.status, rejected.rule, rejected.columns["title"]) == (REJECTED, "title_words", "Ball")


def test_every_rule_is_counted_by_its_name(tmp_path):
    step = Screen(ScreenConfig(licences=("CC-BY",), languages=("en",)), tmp_path)
    told = {"title": "A red ball on the green grass", "hashtags": [], "licence": "Attribution", "language": "en"}
    broken = {
        "live": {"live": True},
        "age_restricted": {"age_limit": 18},
        "licence": {"licence": None},
        "duration": {"seconds": 21.0},
        "language": {"language": "fr"},
        "rank_downloads": {"unranked": "downloads"},
        "title_words": {"title": "Ball"},
        "boilerplate": {"title": "official video"},
    }
    results = step.process([sample(rule, **{**told, **change}) for rule, change in broken.items()])
    assert [result.rule for result in results] == list(broken)
    assert {result.status for result in results} == {REJECTED}
    assert all(set(result.columns) == {"title", "hashtags"} for result in results)


def test_the_step_reads_what_candidates_have(tmp_path):
    plain, upstream = Screen(ScreenConfig(), tmp_path), Screen(ScreenConfig(compat="languagebind"), tmp_path)
    for step in (plain, upstream):
        assert set(step.reads[0].columns) <= set(Candidates.columns) and step.spine == "harvest/candidates"
    assert set(upstream.reads[0].columns) - set(plain.reads[0].columns) == {"views"}
    assert set(CANDIDATE_COLUMNS) >= {"views"}


def test_the_words_of_the_list_count_not_its_path(tmp_path):
    (tmp_path / "one.txt").write_text("# list\nb\na\n")
    (tmp_path / "two.txt").write_text("a\n\nB\n")
    one, two = (Screen(ScreenConfig(boilerplate=f"{name}.txt"), tmp_path) for name in ("one", "two"))
    assert one.rules.boilerplate == frozenset("ab") == two.rules.boilerplate
    assert one.settings() == two.settings() != Screen(ScreenConfig(), tmp_path).settings()
    with pytest.raises(MissingError, match=r"three\.txt"):
        Screen(ScreenConfig(boilerplate="three.txt"), tmp_path)
