from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.terms import balance
from vidal.terms.balance import Keyworded, balanced, entropy, frequencies, gini
from vidal.terms.pool import text_hash


def keyworded(lists: list[list[int]]) -> Keyworded:
    """Terms with these keywords, each list's place its name."""
    hashes = np.array([text_hash(repr((number, words))) for number, words in enumerate(lists)], np.uint64)
    offsets = np.cumsum([0, *map(len, lists)])
    flat = np.array([word for words in lists for word in words], np.int32)
    return Keyworded(flat, offsets, hashes, 1 + max((word for words in lists for word in words), default=-1))


LISTS = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=4, unique=True), min_size=1, max_size=40)


@given(LISTS, st.integers(1, 45), st.integers(0, 3))
def test_exactly_the_size_asked_for(lists, size, seed):
    chosen = balanced(keyworded(lists), size, seed).terms
    assert len(set(chosen.tolist())) == len(chosen) == min(size, len(lists))


@given(LISTS, st.integers(1, 45), st.integers(0, 3), st.randoms())
def test_the_order_of_input_decides_nothing(lists, size, seed, random):
    terms = keyworded(lists)
    order = list(range(len(lists)))
    random.shuffle(order)
    renamed = list(range(terms.count))
    random.shuffle(renamed)
    shuffled = terms.take(np.array(order))
    shuffled = Keyworded(np.array(renamed, np.int32)[shuffled.keywords], shuffled.offsets, shuffled.hashes, terms.count)
    once, again = balanced(terms, size, seed), balanced(shuffled, size, seed)
    assert set(terms.hashes[once.terms].tolist()) == set(shuffled.hashes[again.terms].tolist())
    assert (once.cap, once.covering) == (again.cap, again.covering)


@given(LISTS, st.integers(1, 45))
def test_every_keyword_is_covered_that_the_size_allows(lists, size):
    terms = keyworded(lists)
    choice = balanced(terms, size, 0)
    missing = (frequencies(terms) > 0) & (frequencies(terms, choice.terms) == 0)
    assert not missing.any() or choice.covering == size


@given(LISTS, st.integers(1, 45))
def test_the_cap_holds_but_for_what_covering_needs(lists, size):
    """A keyword above the cap is one that the terms taken to cover others have used so often."""
    terms = keyworded(lists)
    if size >= len(terms):
        return
    choice = balanced(terms, size, 0)
    covered = balanced(terms, choice.covering, 0)
    over = frequencies(terms, choice.terms) > choice.cap
    assert (frequencies(terms, covered.terms)[over] >= frequencies(terms, choice.terms)[over]).all()


@settings(max_examples=25)
@given(LISTS, st.integers(1, 45))
def test_looking_at_terms_in_chunks_changes_nothing(lists, size):
    terms = keyworded(lists)
    whole = balanced(terms, size, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balance, "CHUNK", 3)
        cut = balanced(terms, size, 0)
    assert whole.terms.tolist() == cut.terms.tolist() and whole.cap == cut.cap


def skewed(seed: int = 0) -> Keyworded:
    """20,000 terms over 2,000 keywords; the top 1 % of keywords carries over half of the occurrences."""
    rng = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, 2001) ** 1.3
    shares /= shares.sum()
    lists = [sorted(set(rng.choice(2000, rng.integers(1, 5), p=shares).tolist())) for _ in range(20_000)]
    return keyworded(lists)


def test_a_skewed_pool_is_levelled():
    terms = skewed()
    before = frequencies(terms)
    assert np.sort(before)[::-1][:20].sum() > before.sum() / 2
    choice = balanced(terms, 2000, 0)
    after = frequencies(terms, choice.terms)
    assert len(choice.terms) == 2000 and ((before > 0) == (after > 0)).all()
    assert entropy(after) > entropy(before) + 1.5
    assert gini(after[after > 0]) < gini(before[before > 0]) - 0.2
    by_chance = frequencies(terms, np.random.default_rng(0).permutation(len(terms))[:2000])
    assert entropy(after) > entropy(by_chance) and (after > 0).sum() > (by_chance > 0).sum()


def test_the_seed_draws_among_equals():
    terms = keyworded([[number % 5] for number in range(100)])
    first, second = balanced(terms, 20, 0), balanced(terms, 20, 1)
    assert first.terms.tolist() != second.terms.tolist()
    assert frequencies(terms, first.terms).tolist() == frequencies(terms, second.terms).tolist() == [4] * 5
    assert first.cap == 4 and first.covering == 5


def test_entropy_and_gini_of_known_histograms():
    assert entropy(np.array([1, 1, 1, 1])) == 2.0 and entropy(np.array([5, 0])) == 0.0 and entropy(np.zeros(3)) == 0.0
    assert gini(np.array([3, 3, 3])) == pytest.approx(0.0) and gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert gini(np.zeros(0)) == 0.0
