"""Ranks: by tiles as by the whole table, with ties against the answer, and without the memory of the table."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.train.evaluate.ranks import cuts, ranks, recalls


def plainly(queries, gallery, answers, groups, among):
    """The same by the table of all scores, one query at a time."""
    found = []
    for query, answer in zip(queries, answers, strict=True):
        scores = gallery @ query
        best = max(score for score, group in zip(scores, groups, strict=True) if group == answer)
        others = {
            (group if among == "groups" else row)
            for row, (score, group) in enumerate(zip(scores, groups, strict=True))
            if group != answer and score >= best
        }
        found.append(1 + len(others))
    return found


@st.composite
def searches(draw):
    groups = draw(st.lists(st.integers(0, 6), min_size=1, max_size=30))
    answers = draw(st.lists(st.sampled_from(groups), min_size=1, max_size=12))
    numbers = st.integers(-2, 2)
    rows = st.lists(numbers, min_size=3, max_size=3)
    queries = draw(st.lists(rows, min_size=len(answers), max_size=len(answers)))
    gallery = draw(st.lists(rows, min_size=len(groups), max_size=len(groups)))
    return np.array(queries, np.float32), np.array(gallery, np.float32), answers, groups


@given(searches(), st.sampled_from(["rows", "groups"]), st.integers(1, 5), st.integers(1, 9))
def test_tiles_of_any_size_give_what_the_whole_table_gives(search, among, some, rows):
    queries, gallery, answers, groups = search
    expected = plainly(queries, gallery, answers, groups, among)
    assert ranks(queries, gallery, answers, groups, among, (some, rows)).tolist() == expected
    assert ranks(queries, gallery, answers, groups, among).tolist() == expected


def test_equal_vectors_tie_wherever_they_stand():
    """Random real vectors, each in the gallery three times: the copies score as the answer does, whatever the tile."""
    drawn = np.random.default_rng(0).normal(size=(40, 67)).astype(np.float32)
    gallery = np.concatenate([drawn, drawn[::-1], drawn])
    scores = (drawn.astype(np.float64) @ drawn.T.astype(np.float64)).astype(np.float32)
    plain = np.count_nonzero(scores >= scores.diagonal()[:, None], axis=1)
    for tile in ((3, 7), (40, 120), (1, 1), (64, 64)):
        found = ranks(drawn, gallery, range(40), range(120), tile=tile)
        assert found.tolist() == (3 * plain).tolist()


def test_a_model_for_which_everything_is_alike_finds_nothing():
    same = np.ones((20, 4), np.float32)
    found = ranks(same, same, range(20), range(20))
    assert found.tolist() == [20] * 20
    assert recalls(found) == {"R@1": 0.0, "R@5": 0.0, "R@10": 0.0, "MdR": 20.0, "MnR": 20.0}


def test_what_a_rank_counts_where_items_have_several_texts():
    """One item scores 3 by its best text; two texts of another item, and one of a third, score no less."""
    gallery = np.array([[3], [1], [5], [4], [3], [0]], np.float32)
    groups = [0, 0, 1, 1, 2, 2]
    query = np.ones((1, 1), np.float32)
    assert ranks(query, gallery, [0], groups, "rows").tolist() == [4]
    assert ranks(query, gallery, [0], groups, "groups").tolist() == [3]
    assert ranks(query, gallery, [1], groups, "rows").tolist() == [1]
    assert ranks(query, gallery, [2], groups, "groups").tolist() == [3]


def test_figures_of_ranks():
    assert recalls(np.array([1, 1, 2, 6, 11, 30])) == {
        "R@1": pytest.approx(100 / 3), "R@5": 50.0, "R@10": pytest.approx(200 / 3), "MdR": 4.0, "MnR": 8.5,
    }  # fmt: skip


def test_tiles_are_as_large_as_may_be_and_tear_no_group_apart():
    assert cuts(np.arange(10), 4) == [(0, 4), (4, 8), (8, 10)]
    assert cuts(np.array([0, 0, 1, 2, 2, 2, 2, 2, 3]), 4) == [(0, 3), (3, 8), (8, 9)]


def test_memory_is_that_of_tiles():
    """6,000 by 6,000 scores in float32 would be 144 MB; two vectors of each, and tiles, are below 12."""
    drawn = np.random.default_rng(1).normal(size=(6000, 16)).astype(np.float32)
    tracemalloc.start()
    found = ranks(drawn, drawn, range(6000), range(6000), "groups", (256, 1024))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6 and len(found) == 6000
    sample = plainly(drawn[:20].astype(np.float64), drawn.astype(np.float64), range(20), range(6000), "rows")
    assert found[:20].tolist() == sample


def test_a_query_without_a_right_answer_is_refused():
    with pytest.raises(ValueError, match="query 1 has no right answer"):
        ranks(np.ones((2, 1), np.float32), np.ones((2, 1), np.float32), [0, 5], [0, 1])
