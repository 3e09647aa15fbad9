"""Texts that anyone may have written (titles, hashtags), made fit to stand in the prompt of a model."""

from __future__ import annotations

import re
import unicodedata

HINTS = "{hints}"
"""Where a prompt has its hints."""

_BRACKETS = str.maketrans({"<": " ", ">": " ", "|": " ", '"': "'", "{": " ", "}": " ", "[": "(", "]": ")"})
_ROLE = re.compile(r"\b(human|ai|assistant|user|system)(?:\s*[:∶꞉])+", re.IGNORECASE)
_BLANK = ("Cc", "Zl", "Zp", "Zs")
_DROPPED = ("Cf", "Cn", "Co", "Cs")


def harmless(text: str) -> str:
    """A text as one line that holds no medium, no token in brackets, no end of quotation and no speaker's name.

    Characters of another width or form are brought to their usual one first, invisible ones are dropped.
    """
    shown = one_line(unicodedata.normalize("NFKC", text)).translate(_BRACKETS)
    return " ".join(_ROLE.sub(r"\1", shown).split())


def one_line(text: str) -> str:
    """A text on one line, without invisible characters and without blanks beyond one."""
    return " ".join("".join(_shown(one) for one in text).split())


def told(prompt: str, hints: str) -> str:
    """The prompt with hints, harmless already, in the place of `{hints}`; without any, less the lines for them."""
    if hints:
        return prompt.replace(HINTS, hints)
    return "".join(line for line in prompt.splitlines(keepends=True) if HINTS not in line)


def _shown(character: str) -> str:
    kind = unicodedata.category(character)
    return " " if kind in _BLANK else "" if kind in _DROPPED else character
