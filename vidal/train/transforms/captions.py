"""What of a text view a tower is told.

The view `raw` is a title with hashtags and is cleaned; all other views are captions and are only repaired. The original
trainer cleans by deleting wherever a string is found, inside words too, and keeps ASCII letters alone. By default whole
words and hashtags are taken out, as the list `manifests/boilerplate.txt` and `vidal.text.words` say, and letters of all
scripts, case and punctuation stay. So "Strawberry shortcake #shorts" gives "Strawberry shortcake" and not "strawberry
cake, ", a title in Japanese stays where the original has nothing, and no comma stands where one of the two is empty.
"""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

from vidal.engine.errors import SampleError
from vidal.resources import read_lines
from vidal.text import languagebind, words
from vidal.text.hashtags import split_hashtags

LONGEST = 20_000
"""Characters of a text that are looked at; hardly a hundred of them fill the tower's 77 tokens."""


def told(view: str, text: str, compat: bool = False) -> str:
    """The text of a view as it goes to the tokenizer; `compat` cleans titles as the original does.

    SampleError `NoText` where nothing is left. With `compat` a title never is nothing: without words it is ", ".
    """
    text = text[:LONGEST]
    if view == "raw" and compat:
        title, hashtags = languagebind.split(text)
        return f"{languagebind.clean_title(title)}, {languagebind.clean_hashtags(hashtags)}"
    found = _cleaned(repaired(text)) if view == "raw" else repaired(text)
    if not found:
        raise SampleError("NoText", f"the view {view} says nothing: {text[:80]!r}")
    return found


def repaired(text: str) -> str:
    """A text with wrongly decoded characters and entities of HTML put right, on one line."""
    import ftfy

    return " ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split())


def _cleaned(raw: str) -> str:
    title, tags = split_hashtags(raw)
    title = words.without(" ".join(word for word in title.split() if word.strip("#")), _boilerplate())
    hashtags = " ".join(tag for tag in tags if words.fold(tag) not in _boilerplate())
    return ", ".join(part for part in (title, hashtags) if part)


@cache
def _boilerplate() -> frozenset[str]:
    return frozenset(map(words.fold, read_lines("vidal:manifests/boilerplate.txt", Path())))
