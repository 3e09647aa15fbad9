"""The published trainer's cleaning of titles and hashtags, reproduced character by character (`compat: languagebind`).

It deletes inside words ("shortcake" becomes "cake") and keeps ASCII letters alone, so that a title in another script
becomes empty. For datasets that have to equal the original's; `words.without` does what was meant.
"""

from __future__ import annotations

import re

_FIRST = (
    "#video", "video", "#shorts", "shorts", " shorts", "#short", " short", "#youtubeshorts", "youtubeshorts",
    "#youtube", " youtube", "#shortsyoutube", "#ytshorts", "ytshorts", "#ytshort", "#shortvideo", "shortvideo",
    "#shortsfeed", "#tiktok", "tiktok", "#tiktokchallenge", "#myfirstshorts", "#myfirstshort", "#viral", "viralvideo",
    "viral", "#viralshorts", "#virlshort", "#ytviralshorts",
)  # fmt: skip
_SECOND = (" s ", "short", "youtube", "virlshort", "#")


def clean_title(text: str) -> str:
    """A title, lower-cased, without the words above, of ASCII letters, digits and some punctuation."""
    return _clean(text, _NOT_TITLE)


def clean_hashtags(text: str) -> str:
    """Hashtags in one string, as the title, without any punctuation; separated by spaces."""
    return _clean(text, _NOT_HASHTAGS)


def split(raw: str) -> tuple[str, str]:
    """A raw text as title and hashtags: cut at its first `#`, which begins the hashtags."""
    title, _, hashtags = raw.partition("#")
    return title, f"#{hashtags}"


def _clean(text: str, dropped: re.Pattern[str]) -> str:
    text = f"{text.lower()} "
    for earliest in (_ANY_FIRST, _ANY_SECOND):
        text = earliest.sub(" ", text)
    text = dropped.sub("", text)
    return " ".join(_repaired(text).split())


def _repaired(text: str) -> str:
    """The text after ftfy's repairs, of which only those of unusual white space can still concern it."""
    if _USUAL.fullmatch(text):
        return text
    import ftfy

    return ftfy.fix_text(text)


_ANY_FIRST = re.compile("|".join(map(re.escape, _FIRST)))
_ANY_SECOND = re.compile("|".join(map(re.escape, _SECOND)))
_NOT_TITLE = re.compile(r"""[^a-zA-Z0-9\s.,;:?!'"|]""")
_NOT_HASHTAGS = re.compile(r"[^a-zA-Z0-9\s]")
_USUAL = re.compile(r"[ -~\t\n\r\f]*")
