"""One spelling for equal texts, and a reason for each that names nothing: pure functions."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

WORD = re.compile(r"[^\W\d_](?:[\w]|['-](?=\w))*|\d+(?:[.,:]\d+)*")
"""A word: letters, digits and marks, with hyphens and apostrophes inside; or a number."""
LETTER = re.compile(r"[^\W\d_]")
_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"',
                         "‟": '"', "«": '"', "»": '"', "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-"})  # fmt: skip
_HIDDEN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_EDGES = " .,;:!?-*#\"'"
EMPTY, LONG, SHORT, WORDLESS = "empty", "long", "short", "wordless"


def normalise(text: str) -> str:
    """HTML entities resolved, Unicode NFC, case folded, plain quotes and dashes, one space between words, no control or
    direction characters, no punctuation at the ends. Normalising twice is normalising once."""
    plain = text
    while "&" in plain and (resolved := html.unescape(plain)) != plain:
        plain = resolved
    plain = _HIDDEN.sub("", plain)
    if plain.isascii():
        plain = plain.lower()
    else:
        plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", plain).casefold()).translate(_QUOTES)
    return " ".join(plain.split()).strip(_EDGES)


def words(text: str) -> list[str]:
    """The words of a normalised text, in order."""
    return WORD.findall(text)


def entries(raw: str, separator: str | None) -> Iterator[str]:
    """The normalised texts of one raw entry: one, or each synonym of a list such as `lesser panda, red panda`."""
    for text in raw.split(separator) if separator else (raw,):
        yield normalise(text)


def refusal(text: str, most_characters: int, least_words: int, most_words: int) -> str | None:
    """Why a normalised text is no search term; None where it may be one."""
    if not text:
        return EMPTY
    if len(text) > most_characters:
        return LONG
    if not LETTER.search(text):
        return WORDLESS
    count = text.count(" ") + 1
    if count > most_words:
        return LONG
    return SHORT if count < least_words else None
