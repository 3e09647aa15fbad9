from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.text.hashtags import split_hashtags


@pytest.mark.parametrize(
    ("text", "title", "tags"),
    [
        ("A red ball #ball #red", "A red ball", ("ball", "red")),
        ("#fyp a #fyp b", "a b", ("fyp",)),
        ("a#b c", "a c", ("b",)),
        ("#one#two", "", ("one", "two")),
        ("no. 1 # of all", "no. 1 # of all", ()),
        ("schön #füße", "schön", ("füße",)),
        ("", "", ()),
    ],
)
def test_hashtags_are_split_from_titles(text, title, tags):
    assert split_hashtags(text) == (title, tags)


@given(st.text())
def test_no_hashtag_is_left_in_a_title(text):
    title, tags = split_hashtags(text)
    assert not re.search(r"#[^\s#]", title) and len(set(tags)) == len(tags) and all("#" not in tag for tag in tags)
