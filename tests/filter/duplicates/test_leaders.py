"""Groups around what is kept, over relations drawn by chance."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vidal.filter.duplicates.leaders import leaders, settle


class Drawn:
    """A relation given as a matrix."""

    def __init__(self, alike):
        self.alike = alike
        self.kept = []

    def kept_before(self, places):
        return np.array([next((k for k in sorted(self.kept) if self.alike[k, p]), -1) for p in places], np.int64)

    def among(self, places):
        return [(a, b) for a in places for b in places if a < b and self.alike[a, b]][::-1]

    def add(self, places):
        self.kept += places.tolist()


@st.composite
def relations(draw):
    count = draw(st.integers(0, 14))
    bits = draw(st.lists(st.booleans(), min_size=count * count, max_size=count * count))
    upper = np.triu(np.array(bits, bool).reshape(count, count), 1)
    return upper | upper.T


def one_by_one(alike):
    found = []
    for place in range(len(alike)):
        found.append(next((other for other in range(place) if found[other] < 0 and alike[other, place]), -1))
    return found


@given(relations(), st.integers(1, 16))
def test_chunks_give_what_going_one_by_one_gives(alike, chunk):
    assert leaders(len(alike), Drawn(alike), chunk).tolist() == one_by_one(alike)


@given(relations(), st.integers(1, 16))
def test_a_duplicate_is_like_a_kept_one_before_it_and_kept_ones_are_not_alike(alike, chunk):
    found = leaders(len(alike), Drawn(alike), chunk)
    kept = np.flatnonzero(found < 0)
    assert not alike[np.ix_(kept, kept)].any()
    for place in np.flatnonzero(found >= 0):
        assert found[place] in kept and found[place] < place and alike[found[place], place]


def test_a_chain_is_no_group():
    found = np.full(5, -1, np.int64)
    settle([(3, 4), (0, 1), (2, 3), (1, 2)], found)
    assert found.tolist() == [-1, 0, -1, 2, -1]
