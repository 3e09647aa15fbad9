from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.terms.select import Term, balanced, by_frequency, keywords, normalise, pool

WORDS = st.sampled_from(["red", "blue", "dog", "cat", "ball", "runs", "over", "the", "a", "hill", "snow"])
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  A Dog\truns.\n", "a dog runs"),
        ("salt &amp; pepper", "salt & pepper"),
        ("cafe\u0301", "café"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("...", ""),
        ("", ""),
    ],
)
def test_texts_are_normalised(raw, clean):
    assert normalise(raw) == clean


@given(st.text())
def test_normalising_twice_is_normalising_once(raw):
    once = normalise(raw)
    assert "\n" not in once and "  " not in once and once == once.strip()


def test_keywords_are_the_distinct_words_that_say_something():
    assert keywords("the dog and the other dog's well-known ball") == ("dog", "other", "dog's", "well-known", "ball")
    assert keywords("of the") == ()


def test_equal_terms_are_pooled_with_their_sources():
    terms = pool(
        [("b", "labels", "Red ball"), ("a", "captions", "red ball."), ("a", "labels", "dog"), ("a", "labels", " ")]
    )
    assert terms == [
        Term("dog", "labels", ("a",), 1, ("dog",)),
        Term("red ball", "captions", ("a", "b"), 2, ("red", "ball")),
    ]


def test_terms_outside_the_frequencies_go():
    terms = pool([("a", "labels", text) for text in ["x"] * 1 + ["y"] * 2 + ["z"] * 3])
    assert [term.text for term in by_frequency(terms, 2, None)] == ["y", "z"]
    assert [term.text for term in by_frequency(terms, 1, 2)] == ["x", "y"]
    assert by_frequency(terms, 4, None) == []


@given(st.sets(TEXTS, min_size=1, max_size=20), st.integers(1, 25), st.integers(0, 3), st.randoms())
def test_a_balanced_choice_has_its_size_and_depends_on_nothing_but_the_terms(texts, size, seed, random):
    terms = pool([("a", "labels", text) for text in texts])
    chosen = balanced(terms, size, seed)
    assert len(chosen) == min(size, len(terms)) and set(chosen) <= set(terms)
    assert chosen == sorted(chosen, key=lambda term: term.text)
    shuffled = list(terms)
    random.shuffle(shuffled)
    assert sorted(balanced(shuffled, size, seed), key=lambda term: term.text) == chosen


@given(st.lists(TEXTS, min_size=1, max_size=15), st.integers(1, 10))
def test_repeating_an_entry_moves_no_choice(texts, size):
    once = balanced(pool([("a", "labels", text) for text in texts]), size, 0)
    twice = balanced(pool([("a", "labels", text) for text in texts + texts]), size, 0)
    assert [term.text for term in once] == [term.text for term in twice]


def test_the_seed_breaks_ties():
    terms = pool([("a", "labels", f"word{n}") for n in range(50)])
    assert balanced(terms, 10, 0) != balanced(terms, 10, 1)


def test_keyword_counts_are_more_level_than_a_random_choice():
    """A corpus as skewed as captions are: a third of the terms hold the commonest word."""
    draw = random.Random(0)
    vocabulary = [f"w{n}" for n in range(60)]
    weights = [1 / (n + 1) for n in range(60)]
    texts = {" ".join(dict.fromkeys(draw.choices(vocabulary, weights, k=3))) for _ in range(1500)}
    terms = pool([("a", "captions", text) for text in texts])

    def skew(chosen):
        counts = Counter(word for term in chosen for word in term.keywords)
        return max(counts.values()), len(counts)

    level = skew(balanced(terms, 120, 0))
    drawn = [skew(draw.sample(terms, 120)) for _ in range(20)]
    assert level[0] * 2 <= min(most for most, _ in drawn)
    assert level[1] >= max(words for _, words in drawn)


def test_ids_follow_from_texts():
    one, other = pool([("a", "labels", "red ball"), ("b", "captions", "blue ball")])
    assert one.id != other.id and len(one.id) == 16 and one.id.startswith("t")
    assert pool([("z", "captions", "Red  Ball.")])[0].id == other.id
