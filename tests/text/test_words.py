from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vidal.text.words import count, fold, printable, without, words

LISTED = frozenset({"shorts", "short", "video", "official", "hd", "fyp", "fypシ", "動画", "vídeo", "ショート"})
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

HOSTILE = st.text() | st.text("a b\x00\t\u200e\u202e\u061c\u0301\u200d\ue000\n\x1b-", max_size=12)
PIECES = [
    "hd",
    "cat",
    "(video)",
    "-",
    "|",
    "short",
    "dog's",
    "動画",
    "猫",
    "シ",
    "fyp",
    "'",
    "’",
    ".",
    "é",
    "e\u0301",
    "🔥",
    "\u200d",
]
TITLES = HOSTILE | st.lists(st.sampled_from([*PIECES, " "]), max_size=12).map("".join)


@given(HOSTILE)
@example("a \x00 b")
@example("e\x00\u0301")
@example("\u061ca")
@example("\ud800x")
def test_printable_text_shows_all_it_holds_and_stays_as_it_is(text):
    clean = printable(text)
    assert printable(clean) == clean == unicodedata.normalize("NFC", clean)
    assert not {unicodedata.category(c) for c in clean} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in clean} & BIDI
    assert not set("\u061c\u200e\u200f") & set(clean)
    assert clean == " ".join(clean.split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Two  words\n", "Two words"),
        ("a\u2028b\u2029c\x85d\x1ce", "a b c d e"),
        ("in\u202efdp.exe", "infdp.exe"),
        ("\x1b[31mred\x00", "[31mred"),
        ("cafe\u0301", "caf\u00e9"),
        ("שלום עולם", "שלום עולם"),
        ("👩\u200d👧 family", "👩\u200d👧 family"),
    ],
)
def test_what_is_printable(text, shown):
    assert printable(text) == shown


LETTERS = st.text("abcxyzäöüßéñçøåαβγσςωабвгдежя", min_size=1)


@given(LETTERS)
def test_folding_is_blind_to_case(word):
    assert fold(word) == fold(word.upper()) == fold(word.lower()) == fold(word.title()) == fold(word.casefold())


@given(st.text("ABCXYZabcxyz0189!#", min_size=1))
def test_folding_is_blind_to_width(word):
    assert fold("".join(chr(ord(c) + 0xFEE0) for c in word)) == fold(word)


@given(st.text())
@example("e\u200d\u0301")
@example("\u0131\u200d\u0307")
def test_folding_twice_is_folding_once(word):
    once = fold(word)
    assert fold(once) == once == fold(unicodedata.normalize("NFD", word))


@given(st.text("abcé猫시", min_size=1), st.sampled_from("\u200d\u200c\u00ad\ufe0f\u2060"))
def test_folding_is_blind_to_what_nobody_sees(word, invisible):
    assert fold(invisible.join(word)) == fold(word)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("STRASSE", "straße"),
        ("ﬁre", "fire"),
        ("ｶﾞ", "ガ"),
        ("Ⅷ", "viii"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("e\u200d\u0301", "é"),
    ],
)
def test_folding_joins_spellings(left, right):
    assert fold(left) == fold(right)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A red-hot ball, don't!", ["a", "red-hot", "ball", "don't"]),
        ("don’t stop—now", ["don’t", "stop", "now"]),
        ("猫が走る video", ["猫が走る", "video"]),
        ("fypシ", ["fyp", "シ"]),
        ("สวัสดีworld", ["สวัสดี", "world"]),
        ("한국어 제목", ["한국어", "제목"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("हिन्दी शीर्षक", ["हिन्दी", "शीर्षक"]),
        ("🔥🔥 !!! 👩\u200d👧", []),
        ("snake_case", ["snake", "case"]),
        ("-'x'-", ["x"]),
    ],
)
def test_words(text, found):
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("!!! ???", 0),
        ("🔥🔥🔥", 0),
        ("Ball", 1),
        ("A red ball", 3),
        ("red-hot", 1),
        ("猫", 1),
        ("猫が", 1),
        ("猫が走", 2),
        ("猫が走る動画です", 4),
        ("赤い ボール", 3),
        ("สวัสดี", 2),
        ("ボール shorts", 3),
        ("한국어 제목", 2),
        ("שלום עולם", 2),
        ("e\u0301te\u0301", 1),
    ],
)
def test_count(text, number):
    assert count(text) == number


@given(TITLES)
def test_a_title_has_as_many_words_as_it_counts_where_words_are_spaced(text):
    assert (count(text) == 0) == (words(text) == [])
    assert count(text) >= len(words(text))


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
        ("cat/video", "cat"),
        ("_VIDEO_ of a cat", "of a cat"),
        ("video's end", "video's end"),
        ("red-hd-hot", "red-hd-hot"),
        ("ＶＩＤＥＯ of cats", "of cats"),
        ("猫の動画 video", "猫の動画"),
        ("動画 猫が走る", "猫が走る"),
        ("猫video走る", "猫 走る"),
        ("fypシ 猫", "猫"),
        ("VÍDEO de gatos", "de gatos"),
        ("🔥 video 🔥", "🔥 🔥"),
        ("ショートケーキ", "ショートケーキ"),
        ("видео с котом", "видео с котом"),
        ("فيديو قطة shorts", "فيديو قطة"),
    ],
)
def test_listed_words_go_on_word_boundaries(title, clean):
    assert without(title, LISTED) == clean


@given(TITLES)
@example("シhd-シ")
@example("hdシhd")
@example("a-\u200dhd.b")
@example("0 VIDEO:HD㐀")
def test_what_is_without_a_list_stays_as_it_is(title):
    once = without(printable(title), LISTED)
    assert without(once, LISTED) == once == printable(once)
    assert not set(words(once)) & LISTED


@given(TITLES)
def test_without_an_empty_list_only_the_edges_go(title):
    assert without(title, frozenset()) == " ".join(title.split()).strip(" -|:,;")


@given(st.text("猫犬鳥が走るのをするéàñжшאב", min_size=1, max_size=20))
def test_titles_in_other_scripts_are_not_emptied(title):
    assert without(f"{title} shorts", LISTED) == title
