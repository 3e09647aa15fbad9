from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.terms.normalise import entries, normalise, refusal, words


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  A Dog\truns.\n", "a dog runs"),
        ("salt &amp; pepper", "salt & pepper"),
        ("salt &amp;amp; pepper", "salt & pepper"),
        ("cafe\u0301", "café"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("“Fire truck” — the siren’s on!", "fire truck\" - the siren's on"),
        ("\u202eevil\u200b twin", "evil twin"),
        ("...", ""),
        ("", ""),
    ],
)
def test_texts_are_normalised(raw, clean):
    assert normalise(raw) == clean


@given(st.text() | st.text("&amp;#lt\u0130\u0307ΐ\u200d\u200be\u0301 .-'\"’"))
def test_normalising_twice_is_normalising_once(raw):
    once = normalise(raw)
    assert normalise(once) == once
    assert once == " ".join(once.split()) and unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize("separator", [None, ","])
def test_synonyms_become_texts_of_their_own(separator):
    found = list(entries("Lesser Panda, red panda", separator))
    assert found == (["lesser panda", "red panda"] if separator else ["lesser panda, red panda"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("x" * 201, "long"),
        ("a " * 9 + "b", "long"),
        ("word " * 2000, "long"),
        ("\U0001f525 \U0001f525 \U0001f525", "wordless"),
        ("2024", "wordless"),
        ("dog", "short"),
        ("two dogs", None),
        ("כלב רץ", None),
    ],
)
def test_what_names_nothing_has_a_reason(text, reason):
    assert refusal(text.strip(), most_characters=200, least_words=2, most_words=8) == reason


def test_words_keep_hyphens_and_apostrophes_inside():
    assert words("k-pop dancer's 2.5 km 'run' -- left-") == ["k-pop", "dancer's", "2.5", "km", "run", "left"]


@given(st.text())
def test_words_are_parts_of_the_text(text):
    clean = normalise(text)
    assert all(word in clean for word in words(clean))
