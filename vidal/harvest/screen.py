"""`harvest/screen`: rules on a candidate's texts and metadata, before a byte of its media is fetched."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.harvest.config import ScreenConfig
from vidal.resources import locate, read_text

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
TITLE_CHARACTERS = 500
"""Longest title kept, in characters; what uploaders paste beyond it names nothing."""


@dataclass(frozen=True)
class Screened:
    """A candidate's cleaned texts, and the rule that rejects it (None: it passes)."""

    title: str
    hashtags: tuple[str, ...]
    rule: str | None


def screen(
    title: str, hashtags: Sequence[str], seconds: float | None, config: ScreenConfig, boilerplate: frozenset[str]
) -> Screened:
    """Apply the rules to one candidate. A pure function of its texts, its stated length in seconds and the rules."""
    plain = printable(title)[:TITLE_CHARACTERS]
    clean = without_boilerplate(plain, boilerplate)
    tags = tuple(tag for tag in map(printable, hashtags) if tag and tag.casefold() not in boilerplate)
    rule = None
    if seconds is not None and seconds > config.max_seconds:
        rule = "duration"
    elif not _says_enough(clean, tags, config):
        rule = "boilerplate" if _says_enough(plain, hashtags, config) else "title_words"
    return Screened(clean, tags, rule)


def printable(text: str) -> str:
    """Unicode NFC on one line, without control, surrogate, private-use and direction-changing characters."""
    visible = "".join(c for c in text if c.isspace() or (unicodedata.category(c) not in _HIDDEN and c not in _BIDI))
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def without_boilerplate(title: str, boilerplate: frozenset[str]) -> str:
    """A title without the words on the list, matched whole and case-folded; punctuation they leave alone goes too."""
    kept = [token for token in title.split() if token.strip(_PUNCTUATION).casefold() not in boilerplate]
    return " ".join(kept).strip(" -|:,;")


def _says_enough(title: str, hashtags: Sequence[str], config: ScreenConfig) -> bool:
    words = len(WORD.findall(title)) >= config.min_title_words
    return words or bool(hashtags) if config.words_or_hashtags else words


_PUNCTUATION = "!?.,:;|-–—()[]{}\"'#*~"
_HIDDEN = frozenset({"Cc", "Cs", "Co", "Cn"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Screen(Step):
    """Rejects candidates by rule, and cleans the texts of the rest."""

    name = "harvest/screen"
    reads = (Read("harvest/candidates", ("title", "hashtags", "seconds")),)
    columns = {"title": pa.string(), "hashtags": pa.list_(pa.string())}
    resources = Resources(batch_size=64)

    def __init__(self, config: ScreenConfig, base: Path) -> None:
        lines = read_text(locate(config.boilerplate, base)).split("\n")
        self.config = config
        self.boilerplate = frozenset(line.strip().casefold() for line in lines if line.strip() and line[0] != "#")

    def settings(self) -> Mapping[str, Any]:
        return {**self.config.model_dump(mode="json"), "boilerplate": sorted(self.boilerplate)}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        results = []
        for sample in samples:
            row = sample.columns
            found = screen(row["title"], row["hashtags"] or (), row["seconds"], self.config, self.boilerplate)
            columns = {"title": found.title, "hashtags": list(found.hashtags)}
            results.append(sample.rejected(found.rule, columns) if found.rule else sample.ok(columns))
        return results
