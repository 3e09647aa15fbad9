from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vidal.engine.errors import MissingError
from vidal.engine.step import Sample
from vidal.harvest.config import ScreenConfig
from vidal.harvest.screen import Screen, printable, screen, without_boilerplate

LIST = frozenset({"shorts", "short", "video", "official", "hd", "fyp"})
RULES = ScreenConfig()


def screened(title, hashtags=(), seconds=None, rules=RULES):
    found = screen(title, hashtags, seconds, rules, LIST)
    return found.title, found.hashtags, found.rule


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (("A red ball",), ("A red ball", (), None)),
        (("Ball",), ("Ball", (), "title_words")),
        (("Ball", ("sport",)), ("Ball", ("sport",), None)),
        (("", ("sport",)), ("", ("sport",), None)),
        (("Ball", ("fyp",)), ("Ball", (), "boilerplate")),
        (("Official Video HD",), ("", (), "boilerplate")),
        (("Official Video HD", ("FYP", "ball")), ("", ("ball",), None)),
        (("A red ball", (), 20.0), ("A red ball", (), None)),
        (("A red ball", (), 20.1), ("A red ball", (), "duration")),
        (("Ball", (), 99.0), ("Ball", (), "duration")),
        (("Two  words\n",), ("Two words", (), None)),
        (("!!! ???",), ("!!! ???", (), "title_words")),
        (("赤い ボール",), ("赤い ボール", (), None)),
    ],
)
def test_the_rules(given, wanted):
    assert screened(*given) == wanted


def test_hashtags_make_up_for_a_short_title_only_where_the_rules_say_so():
    strict = ScreenConfig(words_or_hashtags=False)
    assert screened("Ball", ("sport",), rules=strict)[2] == "title_words"
    assert screened("Ball", (), rules=ScreenConfig(min_title_words=1))[2] is None


@pytest.mark.parametrize(
    ("title", "clean"),
    [
        ("Strawberry shortcake", "Strawberry shortcake"),
        ("videography of birds", "videography of birds"),
        ("My (official) video!", "My"),
        ("cat | SHORTS", "cat"),
        ("cat - hd - dog", "cat - - dog"),
        ("[HD] a cat", "a cat"),
        ("shorts", ""),
    ],
)
def test_boilerplate_goes_on_word_boundaries(title, clean):
    assert without_boilerplate(title, LIST) == clean


def test_the_list_that_comes_with_vidal_leaves_short_things_alone():
    step = Screen(RULES, Path())
    for title in ("Strawberry shortcake", "a short film about dogs", "shorthair cat", "in short supply"):
        assert without_boilerplate(title, step.boilerplate) == title
    assert without_boilerplate("funny cat shorts viral fyp", step.boilerplate) == "funny cat"


HOSTILE = st.text() | st.text("a b\x00\t\u200e\u202e\u061c\u0301\u200d\ue000\n\x1b-", max_size=12)


@given(HOSTILE)
@example("a \x00 b")
@example("e\x00\u0301")
@example("\u061ca")
def test_cleaned_text_is_printable_and_stays_as_it_is(text):
    clean = printable(text)
    assert printable(clean) == clean == unicodedata.normalize("NFC", clean)
    assert not {unicodedata.category(c) for c in clean} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in clean} & {
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    }
    assert not set("\u061c\u200e\u200f") & set(clean)


@given(HOSTILE | st.lists(st.sampled_from(["hd", "cat", "(video)", "-", "|", "short", "dog's"])).map(" ".join))
def test_screening_what_was_screened_changes_nothing(title):
    clean, tags, rule = screened(title, ("one",))
    assert screened(clean, tags) == (clean, tags, None) and rule is None
    assert len(clean) <= 500


def test_an_endless_title_is_cut():
    assert len(screened("word " * 1000)[0]) <= 500


def test_the_step_keeps_the_texts_of_what_it_rejects():
    step = Screen(RULES, Path())
    samples = [
        Sample("a", "video", {"title": "A red ball", "hashtags": ["fyp", "ball"], "seconds": 3.0}),
        Sample("b", "video", {"title": "Ball", "hashtags": None, "seconds": None}),
    ]
    ok, rejected = step.process(samples)
    assert ok.status == "ok" and ok.columns == {"title": "A red ball", "hashtags": ["ball"]}
    assert (rejected.status, rejected.rule, rejected.columns["title"]) == ("rejected", "title_words", "Ball")


def test_the_words_of_the_list_count_not_its_path(tmp_path):
    (tmp_path / "one.txt").write_text("# list\nb\na\n")
    (tmp_path / "two.txt").write_text("a\n\nB\n")
    one = Screen(ScreenConfig(boilerplate="one.txt"), tmp_path)
    assert one.boilerplate == frozenset("ab") == Screen(ScreenConfig(boilerplate="two.txt"), tmp_path).boilerplate
    with pytest.raises(MissingError, match=r"three\.txt"):
        Screen(ScreenConfig(boilerplate="three.txt"), tmp_path)
