"""What captioners are asked, and texts that anyone may have written (titles, hashtags), made fit to stand in it."""

from __future__ import annotations

import re
import unicodedata

HINTS = "{hints}"
"""Where a prompt has its hints."""
PICTURE_PROMPT = "Describe the image in one sentence."
CLIP_PROMPT = 'The video was published under these words: "{hints}"\nDescribe the video in one or two sentences.'
FRAMES_PROMPT = f"These are frames of one video, in their order.\n{CLIP_PROMPT}"
"""What is asked of models that are talked to: of a picture, of a clip, and of a clip shown as pictures in a row."""
LONGEST_HINTS = 512
"""Most characters of hints, about 128 tokens."""

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


def asked(prompt: str, hints: str) -> str:
    """The prompt with hints that may say anything, made harmless and cut to 512 characters."""
    return told(prompt, harmless(hints)[:LONGEST_HINTS].strip())


def _shown(character: str) -> str:
    kind = unicodedata.category(character)
    return " " if kind in _BLANK else "" if kind in _DROPPED else character
