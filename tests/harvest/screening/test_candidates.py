"""The ranking and the screen over what searches found, through the spine that merges it."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.commits import Piece, Store
from vidal.engine.nodes import Context, fingerprint_of
from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Result
from vidal.engine.workspace import Workspace
from vidal.harvest.candidate import Candidate
from vidal.harvest.screen import Screen
from vidal.harvest.screening.config import RankConfig, ScreenConfig
from vidal.harvest.search import Search
from vidal.harvest.spines import Candidates

SEARCH = "5" * 12


@pytest.fixture(params=["memory", "local"])
def workspace(request, tmp_path):
    return Workspace(f"memory://{uuid.uuid4().hex}" if request.param == "memory" else str(tmp_path / "w"))


def sound(id_, title, **told):
    return Candidate(id_, told.pop("kind", "audio"), "sounds", f"https://sounds.example/{id_}", title, **told).to_row()


def found(workspace, answers, number=0):
    """Commit what queries found: lists of candidates by term."""
    results = [
        Result(f"sounds-{term}", "query", "ok", {"term": term, "candidates": rows}) for term, rows in answers.items()
    ]
    inputs = {result.id: "0" * 16 for result in results}
    Store(workspace, "harvest/search", SEARCH).write(Piece(0, number, SEARCH), results, inputs, Search.columns)


def candidates(workspace, **rank):
    """Merge what was found; what became of each sound, by id."""
    spine = Candidates(4, RankConfig(**rank))
    own = fingerprint_of(spine)
    known = {"harvest/queries": SEARCH, "harvest/search": SEARCH, spine.name: own}
    spine.run(Context(workspace, known, LocalRunner(0)))
    rows = Store(workspace, spine.name, own).table(["kind", "status", *spine.columns]).to_pylist()
    return {row["id"]: row for row in rows}


def unranked(workspace, **rank):
    return {id_: row["unranked"] for id_, row in candidates(workspace, **rank).items()}


DOG, DOGS, CAT = sound("s_1", "barking dog"), sound("s_2", "dogs"), sound("s_3", "cat", rating=0.2)


def test_a_sound_is_ranked_for_the_term_that_found_it(workspace):
    found(workspace, {"barking dog": [DOG, DOGS, CAT]})
    assert unranked(workspace) == {"s_1": None, "s_2": None, "s_3": None}
    assert unranked(workspace, keep=1) == {"s_1": None, "s_2": "keep", "s_3": "keep"}
    assert unranked(workspace, min_similarity=0.5) == {"s_1": None, "s_2": None, "s_3": "similarity"}
    assert unranked(workspace, min_rating=0.5) == {"s_1": None, "s_2": None, "s_3": "rating"}


def test_one_term_that_takes_a_sound_is_enough_and_all_its_terms_are_kept(workspace):
    found(workspace, {"barking dog": [DOG, DOGS, CAT], "cat": [CAT], "zoo cat": [CAT, DOG]})
    rows = candidates(workspace, keep=1)
    assert {id_: row["unranked"] for id_, row in rows.items()} == {"s_1": None, "s_2": "keep", "s_3": None}
    assert rows["s_3"]["terms"] == ["barking dog", "cat", "zoo cat"] and rows["s_1"]["terms"] == [
        "barking dog",
        "zoo cat",
    ]
    assert rows["s_2"]["terms"] == ["barking dog"]


def test_a_later_term_takes_a_sound_that_was_left(workspace):
    found(workspace, {"barking dog": [DOG, CAT]})
    assert unranked(workspace, keep=1)["s_3"] == "keep"
    found(workspace, {"cat": [CAT]}, number=1)
    assert unranked(workspace, keep=1) == {"s_1": None, "s_3": None}


def test_clips_are_not_ranked(workspace):
    clip = sound("v_1", "nothing of the kind", kind="video")
    found(workspace, {"barking dog": [clip, DOG]})
    assert unranked(workspace, keep=1, min_similarity=1.0) == {"v_1": None, "s_1": None}


def test_what_a_ranking_leaves_is_rejected_by_the_demand_it_did_not_meet(workspace, tmp_path):
    found(workspace, {"barking dog": [DOG, sound("s_4", "a dog barking", rating=0.9), CAT]})
    rows = candidates(workspace, keep=1, min_rating=0.5)
    screen = Screen(ScreenConfig(min_title_words=1), tmp_path)
    verdicts = {id_: screen.rules.screened(row).rule for id_, row in rows.items()}
    assert verdicts == {"s_1": "rank_keep", "s_4": None, "s_3": "rank_rating"}


def test_another_ranking_changes_only_the_rows_it_is_about(workspace):
    found(workspace, {"barking dog": [DOG, DOGS, CAT]})
    candidates(workspace)
    store = Store(workspace, Candidates.name, fingerprint_of(Candidates(4, RankConfig())))
    assert {part: len(pieces) for part, pieces in store.pieces().items()} == {0: 1}
    candidates(workspace, keep=2)
    changed = store.rows(store.pieces()[0][1:], ["unranked"])
    assert {id_: row["unranked"] for id_, row in changed.items()} == {"s_3": "keep"}
    candidates(workspace, keep=2)
    assert len(store.pieces()[0]) == 2


@given(
    st.dictionaries(
        st.sampled_from(["dog", "cat", "rain"]),
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["dog", "cat", "dog cat", "rain"])), max_size=6),
        min_size=1,
    ),
    st.integers(1, 3),
)
def test_every_sound_found_is_there_once_with_all_its_terms(answers, keep):
    workspace = Workspace(f"memory://{uuid.uuid4().hex}")
    found(workspace, {term: [sound(f"s_{n}", title) for n, title in told] for term, told in answers.items()})
    rows = candidates(workspace, keep=keep)
    wanted = {
        f"s_{n}": sorted(t for t in answers if n in dict(answers[t])) for told in answers.values() for n, _ in told
    }
    assert {id_: row["terms"] for id_, row in rows.items()} == wanted
    for term, told in answers.items():
        distinct = {f"s_{n}" for n, _ in told}
        assert sum(rows[id_]["unranked"] is None for id_ in distinct) >= min(keep, len(distinct)), term
    taken = [id_ for id_, row in rows.items() if row["unranked"] is None]
    assert len(taken) <= keep * len(answers)
