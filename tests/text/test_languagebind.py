from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.text import languagebind
from vidal.text.languagebind import clean_hashtags, clean_title, split

RECORDED = Path(__file__).parents[2] / "../shared/parity/languagebind/text"
recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded cases of the published cleaner are not beside the checkout"
)


@recorded
def test_every_recorded_string_is_cleaned_to_the_character():
    cases = json.loads((RECORDED / "strings.json").read_text())
    assert len(cases) == 62
    for case in cases:
        raw = case["raw"]
        assert split(raw) == (case["title_part"], case["hashtag_part"]), raw
        assert clean_title(case["title_part"]) == case["clean_title"], raw
        assert clean_hashtags(case["hashtag_part"]) == case["clean_hashtags"], raw
        assert clean_title(raw) == case["clean_whole_as_title"], raw
        assert clean_hashtags(raw) == case["clean_whole_as_tags"], raw


@recorded
def test_the_rules_are_the_published_ones_in_their_order():
    rules = json.loads((RECORDED / "rules.json").read_text())
    assert list(languagebind._FIRST) == rules["pass_1_literals"]
    assert list(languagebind._SECOND) == rules["pass_2_literals"]
    kept = {chr(code) for code in range(0x2000) if not languagebind._NOT_TITLE.match(chr(code))}
    spaces = {char for char in map(chr, range(0x2000)) if re.match(r"\s", char)}
    letters = {char for char in map(chr, range(128)) if char.isalnum()}
    assert kept == letters | spaces | set(rules["dropped_characters"]["keep"])


@pytest.mark.parametrize(
    ("title", "clean"),
    [
        ("Strawberry shortcake", "strawberry cake"),
        ("My VIDEO of a cat!", "my of a cat!"),
        ("videography", "graphy"),
        ("my ytshorts", "my"),
        ("youtube's best", "'s best"),
        ("#shortsfeed #tiktokchallenge", "feed challenge"),
        ("virlshorts", "virl"),
        ("a s b", "a b"),
        ("猫が走る", ""),
        ("Café & crème", "caf crme"),
        ("fyp #fyp", "fyp fyp"),
        ('one|two: "three" (four)', 'one|two: "three" four'),
        ("\u2003wide\u3000space", "wide space"),
        ("to be continued\u0085", "to be continued…"),
        ("", ""),
    ],
)
def test_titles_lose_the_words_wherever_they_stand(title, clean):
    """The earliest literal of the list wins over a longer one, and what is not in ASCII goes."""
    assert clean_title(title) == clean


@pytest.mark.parametrize(
    ("tags", "clean"),
    [
        ("#cat #funny #viral #tiktok", "cat funny"),
        ("#shortsfeed #ytshorts", "feed"),
        ("#cat's, #dog.", "cats dog"),
        ("#", ""),
    ],
)
def test_hashtags_keep_no_punctuation(tags, clean):
    assert clean_hashtags(tags) == clean


@pytest.mark.parametrize(
    ("raw", "title", "tags"),
    [
        ("A cat #cat #dog", "A cat ", "#cat #dog"),
        ("A cat", "A cat", "#"),
        ("#1 cat #dog", "", "#1 cat #dog"),
        ("", "", "#"),
    ],
)
def test_the_first_hash_begins_the_hashtags(raw, title, tags):
    assert split(raw) == (title, tags)


@given(st.text() | st.text("vidoeshrtyub #\u2003\x00'", max_size=30))
def test_what_is_left_is_ascii_in_single_spaces(text):
    """But for one control character, which the repair of encodings takes for an ellipsis."""
    text = text.replace("\u0085", "")
    for clean, kept in ((clean_title(text), ".,;:?!'\"|"), (clean_hashtags(text), "")):
        assert clean == " ".join(clean.split()) and clean.isascii()
        assert all(char.isalnum() or char in f" {kept}" for char in clean)
