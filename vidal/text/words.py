"""What a word is in a text of any script, and texts without the words of a list: pure functions.

Words are runs of letters, digits and the marks on them, with hyphens and apostrophes inside. Where a script that puts
no spaces between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) meets another one, a word ends too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator


def printable(text: str) -> str:
    """Unicode NFC on one line, without control, surrogate, private-use and direction-changing characters."""
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text.translate(_VISIBLE))
    return " ".join(text.split())


def fold(word: str) -> str:
    """One spelling for words that differ in case, width, ligatures or invisible characters."""
    if word.isascii():
        return word.lower()
    seen = "".join(c for c in word if unicodedata.category(c) != "Cf" and c not in _VARIATIONS)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())


def words(text: str) -> list[str]:
    """The words of a text, folded, in order."""
    if text.isascii():
        return [word.lower() for word in _ASCII_WORD.findall(text)]
    return [fold(text[start:end]) for start, end in _spans(_WORD, text.translate(_SHAPE))]


def count(text: str) -> int:
    """How many words a text has. A run of a script without spaces counts one for every two characters begun."""
    if text.isascii():
        return len(_ASCII_WORD.findall(text))
    found = (match[0] for match in _WORD.finditer(text.translate(_SHAPE)))
    return sum((shape.count("u") + 1) // 2 if shape[0] == "u" else 1 for shape in found)


def unspaced(text: str) -> bool:
    """Whether a text has characters of a script without spaces."""
    return not text.isascii() and bool(_UNSPACED.search(text))


def without(text: str, listed: frozenset[str]) -> str:
    """A text without the words on a list of folded words, and without the punctuation they leave alone."""
    kept = []
    for token in text.split():
        rest = _strike(token, listed)
        if rest == token:
            kept.append(token)
        elif count(rest):
            kept.append(rest.strip(f" {_PUNCTUATION}"))
    return " ".join(kept).strip(" -|:,;")


def _strike(token: str, listed: frozenset[str]) -> str:
    """A token (no spaces) without the listed words in it. Where a run of several scripts (`fypシ`) is on the list, it
    goes as a whole; where only one of its words is, a space takes its place."""
    if token.isascii():
        return _ASCII_WORD.sub(lambda match: "" if match[0].lower() in listed else match[0], token)
    shape = token.translate(_SHAPE)
    rest, done = [], 0
    for start, end in _spans(_RUN, shape):
        rest.append(token[done:start])
        done = end
        if fold(token[start:end]) in listed:
            continue
        for first, last in _spans(_WORD_OR_BETWEEN, shape[start:end]):
            piece = token[start + first : start + last]
            rest.append(" " if fold(piece) in listed else piece)
    return " ".join("".join((*rest, token[done:])).split())


def _spans(pattern: re.Pattern[str], shape: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in pattern.finditer(shape))


class _Visible(dict[int, int | None]):
    """A table for `str.translate` that deletes what may not be shown."""

    def __missing__(self, code: int) -> int | None:
        char = chr(code)
        hidden = not char.isspace() and (unicodedata.category(char) in _HIDDEN or char in _BIDI)
        self[code] = None if hidden else code
        return self[code]


class _Shape(dict[int, str]):
    """A table for `str.translate`: `w` for a letter or digit, `u` for one of a script without spaces, `m` for marks and
    invisible joiners, `-` for what may join two words, `.` for all else."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char.isalnum():
            shape = "u" if _UNSPACED.match(char) else "w"
        elif unicodedata.category(char) in _JOINED and char != _ZERO_WIDTH_SPACE:
            shape = "m"
        else:
            shape = "-" if char in _CONNECTORS else "."
        self[code] = shape
        return shape


_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*")
_RUN = re.compile(r"[wu][wum]*(?:-[wu][wum]*)*")
_WORD = re.compile(r"w[wm]*(?:-w[wm]*)*|u[um]*")
_WORD_OR_BETWEEN = re.compile(rf"{_WORD.pattern}|-")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
_CONNECTORS = "'’-‐‑"
_PUNCTUATION = "!?.,:;|-–—()[]{}\"'#*~_/"
_ZERO_WIDTH_SPACE = "\u200b"
_VARIATIONS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_JOINED = frozenset({"Mn", "Mc", "Me", "Cf"})
_HIDDEN = frozenset({"Cc", "Cs", "Co", "Cn"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_VISIBLE = _Visible()
_SHAPE = _Shape()
