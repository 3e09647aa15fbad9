"""Hashtags in a text."""

from __future__ import annotations

import re

HASHTAG = re.compile(r"#([^\s#]+)")


def split_hashtags(text: str) -> tuple[str, tuple[str, ...]]:
    """A title without its hashtags, and the hashtags without `#`, in order and once each."""
    tags = tuple(dict.fromkeys(HASHTAG.findall(text)))
    return " ".join(HASHTAG.sub(" ", text).split()), tags
