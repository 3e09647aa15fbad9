"""What an mPLUG-Owl is asked, and the title and hashtags that it is told, which anyone may have written."""

from __future__ import annotations

import re
import unicodedata

from vidal.models.mplug_owl.words import MEDIA, Words

_OPENING = (
    "The following is a conversation between a curious human and AI assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions.\n"
)
CLIP_PROMPT = (
    f"{_OPENING}Human: <|video|>\n"
    'Human: The video was published under these words: "{hints}"\n'
    "Human: Describe the video in one or two sentences.\n"
    "AI: "
)
"""The opening and the form are those of the authors' examples, the blank at the end included."""
PICTURE_PROMPT = f"{_OPENING}Human: <image>\nHuman: Describe the image in one sentence.\nAI: "
HINTS = "{hints}"
_MOST = 128
"""Most tokens of the hints. The published networks have room for 2,048 in all."""

_BRACKETS = str.maketrans({"<": " ", ">": " ", "|": " ", '"': "'", "{": " ", "}": " "})
_ROLE = re.compile(r"\b(human|ai|assistant|user|system)(?:\s*[:∶꞉])+", re.IGNORECASE)
_TURN = re.compile(r"\n\s*(?:Human|AI)\s*:")
_BLANK = ("Cc", "Zl", "Zp", "Zs")
_DROPPED = ("Cf", "Cn", "Co", "Cs")


def checked(prompt: str, placeholder: str) -> str:
    """The prompt, if it shows exactly one medium, that of `placeholder`; else ValueError."""
    found = {name: prompt.count(name) for name in MEDIA if name in prompt}
    if found != {placeholder: 1}:
        raise ValueError(f"the prompt must hold {placeholder} exactly once and no other medium")
    return prompt


def written(prompt: str, hints: str, words: Words) -> str:
    """The prompt with the hints in it, made harmless and cut to 128 tokens; without any, less the lines for them."""
    told = words.cut(harmless(hints), _MOST).strip()
    if told:
        return prompt.replace(HINTS, told)
    return "".join(line for line in prompt.splitlines(keepends=True) if HINTS not in line)


def harmless(text: str) -> str:
    """A text as one line that holds no medium, no token in brackets, no end of quotation and no speaker's name.

    Characters of another width or form are brought to their usual one first, invisible ones are dropped.
    """
    shown = "".join(_shown(one) for one in unicodedata.normalize("NFKC", text)).translate(_BRACKETS)
    return " ".join(_ROLE.sub(r"\1", shown).split())


def answer(text: str) -> str:
    """What the model said, as one line, up to where it begins to speak for the human."""
    return " ".join(_TURN.split(text, maxsplit=1)[0].split())


def _shown(character: str) -> str:
    kind = unicodedata.category(character)
    return " " if kind in _BLANK else "" if kind in _DROPPED else character
