from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.filter.explain.histogram import BINS, Mark, histogram


def of(scores, *marks, whole=False, category=None):
    scores = np.array(scores, np.float64)
    given = np.zeros(len(scores), np.int64) if category is None else np.array(category)
    return histogram(scores, given, 2, [mark if isinstance(mark, Mark) else Mark(mark) for mark in marks], whole)


def sums(found):
    return [sum(counts) for counts in found.counts]


def test_no_bin_mixes_the_sides_of_a_threshold():
    scores = np.random.default_rng(0).normal(0.3, 0.1, 5000).astype(np.float32)
    for at in (0.18, 0.3, float(scores[7])):
        found = of(scores, at, category=scores >= at)
        assert found.marks == (round(found.marks[0]),)
        assert not any(below and above for below, above in found.counts)
        assert sum(sums(found)) == 5000 and found.low <= scores.min() and scores.max() <= found.high


def test_whole_numbers_have_whole_bins():
    found = of([1, 2, 2, 3, 5], 3, whole=True)
    assert (found.low, found.width, sums(found), found.marks) == (1, 1, [1, 2, 1, 0, 1], (2,))
    assert of([1, 2, 2, 3, 5], Mark(3, includes=True), whole=True).marks == (3,)
    assert (
        of([1, 2, 3], Mark(2.5), whole=True).marks == of([1, 2, 3], Mark(2.5, includes=True), whole=True).marks == (2,)
    )
    assert of(range(1000), whole=True).width == 21


def test_what_is_far_off_is_counted_at_the_ends():
    scores = [*np.linspace(0, 1, 1000), 1e9, -5e8, np.inf, -np.inf, np.nan]
    found = of(scores, 0.5)
    assert (found.beneath, found.beyond, found.infinite) == (1, 1, 3)
    assert found.high < 1.1 and found.low > -0.1 and sum(sums(found)) == 1002
    assert of([*np.linspace(0, 1, 1000), 1.4], 0.5).beyond == 0


def test_a_few_scores_among_equals_are_in_sight():
    found = of([0.0] * 9990 + [0.3] * 5 + [1.0] * 5, 0.98)
    assert found.low == pytest.approx(0, abs=found.width) and found.high >= 1.0
    assert [count for count in sums(found) if count] == [9990, 5, 5]


@pytest.mark.parametrize(
    "scores", [[], [0.5], [0.5] * 9, [0.0, 0.0], [1e9, 1e9 + 1e-7], [5e-324, 1e-323], [1e17, 1e17 + 32]]
)
@pytest.mark.parametrize("marks", [(), (0.5,), (0.2, 0.9), (1e12,), (-1e300,)])
def test_scores_of_no_width(scores, marks):
    found = of(scores, *marks)
    assert found.width > 0 and 1 <= len(found.counts) <= BINS + 3 and sum(sums(found)) == len(scores)
    assert len(found.marks) == len(marks) and all(0 <= mark <= len(found.counts) for mark in found.marks)


@given(
    st.lists(st.floats(width=64), max_size=40),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    st.booleans(),
)
def test_every_score_is_counted_once(scores, marks, whole):
    given = [float(np.rint(score)) if whole and np.isfinite(score) else score for score in scores]
    found = of(given, *marks, whole=whole)
    assert sum(sums(found)) + found.infinite == len(scores)
    assert np.isfinite(found.low) and np.isfinite(found.width) and found.width > 0
    assert 1 <= len(found.counts) <= BINS + 3 and len(found.marks) == len(marks)
    assert found.highest == max(sums(found))
