"""What a caption written by a language model must be: pure functions. The reasons they give are told to the model, and
hold no word of a sample."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vidal.terms.language import RENAMED, language
from vidal.text import words

LEAK = 6
"""So many words of the instructions in a row are no chance."""
TAGS = 3
"""So many hashtags in a row, in their order, are copied."""
LANGUAGE_WORDS = 6
"""Fewest words by which a caption's language is told: CLD2 guesses at shorter ones."""
LANGUAGE_SHARE = 0.5
"""Share of a caption that must be in another language before it counts as written in it."""

_LINK = re.compile(
    r"\b(?:https?|ftp)://|\bwww\.\w|\b[a-z0-9-]+\.(?:com|net|org|io|tv|me|ly|gg|be|co|app|link|shop)\b", re.I
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w")
_HANDLE = re.compile(r"(?<!\w)[@＠]\w")
_HASHTAG = re.compile(r"(?<!\w)[#＃]\w")
_MARKUP = re.compile(r"[<>{}\[\]|`*_~^\\=]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Wanted:
    """What a view must be: at most so many words, in a language (ISO 639-1), beginning with `opening`."""

    most_words: int
    language: str
    opening: str = ""


def fault(text: str, wanted: Wanted, own: Iterable[str], hashtags: Sequence[str], told: str) -> str | None:
    """Why a text is no caption; None for one that is.

    `own` are the sample's texts, `hashtags` those of its title, `told` the instructions that its author was given.
    """
    rest = text[len(wanted.opening) :]
    if not text.startswith(wanted.opening):
        return f'it does not begin with "{wanted.opening}"'
    if not words.words(rest):
        return "it is empty"
    if hidden(text):
        return "it holds control characters or line breaks"
    if reason := foreign_matter(text):
        return reason
    if (length := words.count(text)) > wanted.most_words:
        return f"it has {length} words, and {wanted.most_words} are allowed"
    if copied_tags(text, hashtags):
        return "it copies the hashtags"
    if leaks(text, told, own):
        return "it repeats the instructions"
    if not speaks(rest, wanted.language):
        return f"it is not written in {language_name(wanted.language)}"
    return None


def foreign_matter(text: str) -> str | None:
    """What of the web stands in a text and in no caption: a link, an address, a handle, a hashtag, markup."""
    folded = unicodedata.normalize("NFKC", text)
    checks = (
        (_MAIL, "it holds an e-mail address"),
        (_LINK, "it holds a link"),
        (_HANDLE, "it holds a handle"),
        (_HASHTAG, "it holds a hashtag"),
        (_MARKUP, "it holds markup"),
    )
    return next((reason for pattern, reason in checks if pattern.search(folded)), None)


def hidden(text: str) -> bool:
    """Whether a text holds characters that are not seen, or ends a line."""
    return any(unicodedata.category(one) in _HIDDEN and one not in _JOINERS for one in text)


def copied_tags(text: str, hashtags: Sequence[str]) -> bool:
    """Whether hashtags stand in a text in a row, as words, in their order."""
    said = _spaced(words.words(text))
    tags = [" ".join(words.words(tag.strip("#"))) for tag in hashtags]
    rows = (tags[start : start + TAGS] for start in range(len(tags) - TAGS + 1))
    return any(all(row) and _spaced(row) in said for row in rows)


def leaks(text: str, told: str, own: Iterable[str]) -> bool:
    """Whether a run of words of the instructions stands in a text, and in none of the sample's own texts."""
    runs = _runs(text) & _runs(told)
    return bool(runs and runs - set().union(*map(_runs, own)))


def speaks(text: str, wanted: str) -> bool:
    """Whether a text is in a language, as far as can be told."""
    if words.count(text) < LANGUAGE_WORDS:
        return True
    code, share = language(text, LANGUAGE_WORDS)
    return code is None or code == wanted or share < LANGUAGE_SHARE


def language_name(code: str) -> str | None:
    """The English name of a language (ISO 639-1) that can be told from others; None for any other."""
    import pycld2

    names = {RENAMED.get(known, known): name.title() for name, known in pycld2.LANGUAGES if "-" not in known}
    return names.get(code)


def _runs(text: str) -> set[tuple[str, ...]]:
    said = words.words(text)
    return {tuple(said[start : start + LEAK]) for start in range(len(said) - LEAK + 1)}


def _spaced(said: Sequence[str]) -> str:
    return f" {' '.join(said)} "
