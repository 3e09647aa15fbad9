"""Which language a text is in, by CLD2 (the pycld2 package carries its tables)."""

from __future__ import annotations

RENAMED = {"iw": "he", "jw": "jv", "in": "id", "mo": "ro"}
"""Codes that CLD2 knows under an older name."""
UNKNOWN = ("un", "xx")
"""What CLD2 answers for what it cannot tell, and for a script in which it knows no language."""


def language(text: str, least_words: int) -> tuple[str | None, float]:
    """The likeliest language (ISO 639-1) and the share of the text it covers, 0..1.

    (None, 0.0) for what has fewer than `least_words` words or cannot be told.
    """
    if text.count(" ") + 1 < least_words and text.isascii():
        return None, 0.0
    import pycld2

    try:
        _, _, found = pycld2.detect(text, bestEffort=True)
    except pycld2.error:
        return None, 0.0
    _, code, percent, _ = found[0]
    primary = code.partition("-")[0]
    if primary in UNKNOWN:
        return None, 0.0
    return RENAMED.get(primary, primary), percent / 100
