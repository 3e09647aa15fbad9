from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vidal.filter.explain.comparisons import comparisons
from vidal.filter.explain.cuts import Cut, by_axis, cuts, nearest
from vidal.filter.explain.judgement import judge

MOTION = comparisons("motion < 0.5")


def cuts_of(table, rule, *others):
    return cuts(judge(table, [rule, *others]), 0)


def rows_of(mask):
    return np.flatnonzero(mask).tolist()


def test_a_threshold_parts_the_samples_that_have_the_score(table, rule):
    scores = table(
        {"motion": 0.1}, {"motion": 0.5}, {"motion": None}, {"motion": 0.9}, {"kind": "audio", "motion": 0.1}
    )
    [cut] = cuts_of(scores, rule("still", "motion < 0.5", kinds=("video",)))
    assert (cut.value, cut.kinds, cut.nulls, cut.comparison.includes) == (0.5, ("video",), 1, False)
    assert rows_of(cut.known) == rows_of(cut.decisive) == [0, 1, 3] and rows_of(cut.below) == [0]
    [cut] = cuts_of(scores, rule("still", "NOT motion > 0.5", kinds=("video",)))
    assert rows_of(cut.below) == [0, 1] and cut.comparison.includes


def test_a_score_at_a_threshold_that_is_no_float_lies_where_the_rule_has_it(table, rule):
    """0.7 as float32 is less than 0.7: the rule compares as DuckDB does, and so does the explanation."""
    scores = table({"motion": 0.7}, {"motion": 0.2})
    judged = judge(scores, [rule("still", "motion < 0.7")])
    [cut] = cuts(judged, 0)
    assert cut.below.tolist() == judged.holds[:, 0].tolist()


def test_only_where_the_rest_of_a_condition_leaves_it_open_is_a_score_decisive(table, rule):
    scores = table(
        {"motion": 0.1, "words": 9},
        {"motion": 0.1, "words": 1},
        {"motion": 0.9, "words": 9},
        {"motion": None, "words": 9},
    )
    motion, words = cuts_of(scores, rule("both", "motion < 0.5 AND words > 5"))
    assert rows_of(motion.decisive) == [0, 2] and rows_of(motion.known) == [0, 1, 2]
    assert rows_of(words.decisive) == [0, 1]
    motion, words = cuts_of(scores, rule("either", "motion < 0.5 OR words > 5"))
    assert rows_of(motion.decisive) == [1] and rows_of(words.decisive) == [2, 3]
    motion, words = cuts_of(scores, rule("both", "motion < 0.5 AND words > 5", missing="drop"))
    assert rows_of(words.decisive) == [0, 1, 3]


def test_where_a_null_decides_already_no_other_score_does(table, rule):
    scores = table({"motion": None, "words": 9}, {"motion": 0.9, "words": 9})
    _, words = cuts_of(scores, rule("either", "motion < 0.5 OR words > 5"))
    assert rows_of(words.decisive) == [0, 1]
    _, words = cuts_of(scores, rule("either", "motion < 0.5 OR words > 5", missing="drop"))
    assert rows_of(words.decisive) == [1]


def test_a_quantile_is_a_threshold_of_each_kind(table, rule):
    rows = [{"motion": n / 10} for n in range(10)] + [{"kind": "audio", "motion": float(n)} for n in range(5)]
    video, audio = cuts_of(table(*rows), rule("lowest", "share_below(motion) < 0.2"))
    assert (video.kinds, audio.kinds, video.quantile) == (("video",), ("audio",), 0.2)
    assert (round(video.value, 6), audio.value) == (0.2, 1.0)
    assert rows_of(video.below) == [0, 1] and rows_of(audio.below) == [10]
    [all_below] = cuts_of(table({"motion": 0.5}), rule("lowest", "share_below(motion) < 2"))
    assert all_below.value is None and nearest(all_below, 3) == ([0], [])


def test_what_is_no_number_and_what_no_sample_has(table, rule):
    assert cuts_of(table({"language": "en"}), rule("r", "language < '3' AND duplicate")) == []
    [cut] = cuts_of(table({"motion": None}), rule("r", "motion < 0.5"))
    assert cut.nulls == 1 and not cut.known.any() and nearest(cut, 3) == ([], [])
    assert all(cut.known.size == 0 for cut in cuts_of(table(), rule("r", "motion < 0.5")))
    [cut] = cuts_of(table({"words": 3}), rule("r", "words < 5"))
    assert cut.whole


def test_thresholds_on_one_axis_are_drawn_together(table, rule):
    found = cuts_of(table({"words": 3, "motion": 0.1}), rule("r", "words < 2 OR motion < 0.1 OR words > 20"))
    assert [[cut.value for cut in cuts] for cuts in by_axis(found)] == [[2.0, 20.0], [0.1]]


SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, None, float("inf"), float("nan")]), max_size=30)


@given(SCORES)
def test_the_nearest_are_the_nearest(motions):
    scores = np.array([np.nan if motion is None else motion for motion in motions])
    known = np.array([motion is not None for motion in motions], bool)
    [comparison] = MOTION
    cut = Cut(comparison, ("video",), 0.5, scores, known, known & (scores < 0.5), known, 0, whole=False)
    for rows, side in zip(nearest(cut, 4), (lambda m: m < 0.5, lambda m: m >= 0.5), strict=True):
        finite = [n for n, m in enumerate(motions) if m is not None and np.isfinite(m) and side(m)]
        assert rows == sorted(finite, key=lambda n: (abs(motions[n] - 0.5), n))[:4]
