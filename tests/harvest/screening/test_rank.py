from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.harvest.screening.config import RankConfig
from vidal.harvest.screening.rank import IN_DESCRIPTION, IN_TAGS, IN_TITLE, similarity, unranked

TERM = "barking dog"
TEXT = st.lists(st.sampled_from(["a", "barking", "barks", "dogs", "Dog", "cat", "rain", "猫"]), max_size=4).map(
    " ".join
)
SOUND = st.fixed_dictionaries(
    {"title": TEXT, "hashtags": st.none() | st.lists(st.sampled_from(["dog", "bark", "rain"]), max_size=3)},
    optional={
        "description": st.none() | TEXT,
        "rating": st.none() | st.floats(0, 1),
        "downloads": st.none() | st.integers(0, 20),
        "comments": st.none() | st.integers(0, 20),
        "seconds": st.none() | st.floats(0, 60),
    },
)
SOUNDS = st.lists(SOUND, max_size=12).map(lambda found: [{"id": f"s{n}", **sound} for n, sound in enumerate(found)])
LEVELS = {
    "min_similarity": st.floats(0, 1),
    "min_rating": st.floats(0, 1),
    "min_downloads": st.integers(0, 20),
    "min_comments": st.integers(0, 20),
    "min_tags": st.integers(0, 3),
    "min_seconds": st.floats(0, 60),
}
CONFIG = st.fixed_dictionaries({}, optional={**LEVELS, "keep": st.integers(1, 5), "max_seconds": st.floats(1, 60)}).map(
    lambda given: RankConfig(**given)
)


def taken(sounds, config, term=TERM):
    verdicts = unranked(term, sounds, config)
    return [sound["id"] for sound, demand in zip(sounds, verdicts, strict=True) if demand is None]


@pytest.mark.parametrize(
    ("sound", "alike"),
    [
        ({"title": "Barking dog"}, IN_TITLE),
        ({"title": "Dogs that bark"}, IN_TITLE),
        ({"title": "x", "hashtags": ["dog", "barks"]}, IN_TAGS),
        ({"title": "x", "hashtags": ["barking-dog"]}, 0.0),
        ({"title": "x", "description": "A dog was barking."}, IN_DESCRIPTION),
        ({"title": "dog", "hashtags": ["bark"]}, (IN_TITLE + IN_TAGS) / 2),
        ({"title": "dog", "hashtags": ["dog"], "description": "dog"}, IN_TITLE / 2),
        ({"title": "BARKING", "description": None, "hashtags": None}, IN_TITLE / 2),
        ({"title": "dogma"}, 0.0),
        ({"title": ""}, 0.0),
        ({}, 0.0),
        ({"title": "x" * 5000, "description": "y " * 1500 + "barking dog"}, 0.0),
    ],
)
def test_similarity_is_the_share_of_the_terms_words(sound, alike):
    assert similarity(TERM, sound) == pytest.approx(alike)


def test_a_term_without_words_is_like_nothing():
    assert similarity("", {"title": "a"}) == similarity("!!", {"title": "!!"}) == 0.0


@given(TEXT, SOUND)
def test_similarity_is_a_share_and_grows_with_what_is_said(term, sound):
    alike = similarity(term, sound)
    assert 0.0 <= alike <= 1.0
    assert similarity(term, {**sound, "title": f"{sound['title']} {term}"}) == (1.0 if term else 0.0) >= alike
    assert similarity(term, {**sound, "description": f"{sound.get('description') or ''} rain"}) >= alike


@pytest.mark.parametrize(
    ("config", "told", "demand"),
    [
        ({"min_similarity": 0.6}, {"title": "dog", "hashtags": []}, "similarity"),
        ({"min_rating": 0.8}, {"rating": 0.79}, "rating"),
        ({"min_downloads": 10}, {"downloads": 9}, "downloads"),
        ({"min_comments": 1}, {"comments": 0}, "comments"),
        ({"min_tags": 2}, {"hashtags": ["dog"]}, "tags"),
        ({"min_seconds": 1.0}, {"seconds": 0.5}, "seconds"),
        ({"max_seconds": 10.0}, {"seconds": 10.5}, "seconds"),
    ],
)
def test_each_demand_alone(config, told, demand):
    good = {
        "id": "good", "title": "barking dog", "hashtags": ["dog", "bark"], "rating": 0.8, "downloads": 10,
        "comments": 1, "seconds": 5.0,
    }  # fmt: skip
    bad = {**good, "id": "bad", **told}
    unstated = {"id": "unstated", "title": "barking dog", "hashtags": ["dog", "bark"]}
    assert unranked(TERM, [bad, good, unstated], RankConfig(**config)) == [demand, None, None]
    assert unranked(TERM, [bad, good, unstated], RankConfig()) == [None, None, None]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"title": "barking dog", "rating": 0.0}, {"title": "dog", "rating": 1.0, "downloads": 99}),
        ({"rating": 0.9}, {"rating": 0.8, "downloads": 99, "comments": 99}),
        ({"rating": 0.1}, {"rating": None}),
        ({"downloads": 3}, {"downloads": 2, "comments": 99}),
        ({"comments": 3}, {"comments": 2, "hashtags": ["a", "b"]}),
        ({"hashtags": ["a", "b"]}, {"hashtags": ["a"]}),
        ({"id": "a"}, {"id": "b"}),
    ],
)
def test_the_order_of_the_ranking(better, worse):
    first, second = {"id": "z1", "title": "dog", **better}, {"id": "z2", "title": "dog", **worse}
    for found in ([first, second], [second, first]):
        assert taken(found, RankConfig(keep=1)) == [first["id"]]


@given(SOUNDS, CONFIG, st.randoms())
def test_the_order_of_the_answer_decides_nothing(sounds, config, random):
    shuffled = random.sample(sounds, len(sounds))
    before = dict(zip((sound["id"] for sound in sounds), unranked(TERM, sounds, config), strict=True))
    assert [before[sound["id"]] for sound in shuffled] == unranked(TERM, shuffled, config)


@given(SOUNDS, CONFIG)
def test_exactly_as_many_are_kept_as_meet_the_demands_and_fit(sounds, config):
    able = taken(sounds, config.model_copy(update={"keep": None}))
    kept = taken(sounds, config)
    assert len(kept) == min(config.keep or len(able), len(able)) and set(kept) <= set(able)


@given(SOUNDS, CONFIG, st.data())
def test_demanding_more_takes_no_sound_that_was_not_able(sounds, config, data):
    config = config.model_copy(update={"keep": None})
    name = data.draw(st.sampled_from([*LEVELS]))
    more = max(data.draw(LEVELS[name]), getattr(config, name))
    assert set(taken(sounds, config.model_copy(update={name: more}))) <= set(taken(sounds, config))


@given(SOUNDS, CONFIG)
def test_keeping_more_keeps_those_that_were_kept(sounds, config):
    if config.keep:
        assert set(taken(sounds, config)) <= set(taken(sounds, config.model_copy(update={"keep": config.keep + 1})))


@given(SOUNDS, CONFIG, st.integers(0, 11), st.floats(0, 1))
def test_a_better_sound_is_not_taken_less(sounds, config, number, rating):
    if number < len(sounds):
        better = [{**sound} for sound in sounds]
        better[number]["rating"] = max(rating, sounds[number].get("rating") or 0.0)
        named = sounds[number]["id"]
        if named in taken(sounds, config) and sounds[number].get("rating") is not None:
            assert named in taken(better, config)


def test_a_sound_found_twice_takes_one_place_and_counts_as_first_told():
    one, two, three = (
        {"id": name, "title": "barking dog", "rating": rating} for name, rating in (("a", 0.9), ("b", 0.5), ("c", 0.1))
    )
    assert unranked(TERM, [one, one, two, three], RankConfig(keep=2)) == [None, None, None, "keep"]
    later = {**one, "rating": 0.0}
    assert unranked(TERM, [one, later, two], RankConfig(keep=1)) == [None, None, "keep"]
    assert unranked(TERM, [later, one, two], RankConfig(keep=1)) == ["keep", "keep", None]


@given(st.lists(st.sampled_from([IN_TITLE, IN_TAGS, IN_DESCRIPTION]), min_size=1, max_size=30))
def test_similarity_is_the_same_number_in_every_process(weights):
    """Sets of words have another order in every process: their weights must be added up without a rounding of each."""
    words = [f"word{number}" for number in range(len(weights))]
    told = {
        weight: " ".join(word for word, one in zip(words, weights, strict=True) if one == weight) for weight in weights
    }
    sound = {
        "title": told.get(IN_TITLE),
        "hashtags": told.get(IN_TAGS, "").split(),
        "description": told.get(IN_DESCRIPTION),
    }
    assert similarity(" ".join(words), sound) == fsum(weights) / len(weights)
