"""What an mPLUG-Owl is asked, and the title and hashtags that it is told, which anyone may have written."""

from __future__ import annotations

import re

from vidal.models.mplug_owl.words import MEDIA, Words
from vidal.models.prompts import harmless, told

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
_MOST = 128
"""Most tokens of the hints. The published networks have room for 2,048 in all."""

_TURN = re.compile(r"\n\s*(?:Human|AI)\s*:")


def checked(prompt: str, placeholder: str) -> str:
    """The prompt, if it shows exactly one medium, that of `placeholder`; else ValueError."""
    found = {name: prompt.count(name) for name in MEDIA if name in prompt}
    if found != {placeholder: 1}:
        raise ValueError(f"the prompt must hold {placeholder} exactly once and no other medium")
    return prompt


def written(prompt: str, hints: str, words: Words) -> str:
    """The prompt with the hints in it, made harmless and cut to 128 tokens; without any, less the lines for them."""
    return told(prompt, words.cut(harmless(hints), _MOST).strip())


def answer(text: str) -> str:
    """What the model said, as one line, up to where it begins to speak for the human."""
    return " ".join(_TURN.split(text, maxsplit=1)[0].split())
