"""`filter/text`: facts of title and hashtags."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint
from vidal.engine.errors import VidalError
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import TextConfig
from vidal.resources import read_lines
from vidal.terms.language import language
from vidal.text import words

CHARACTERS = 500
"""Longest title looked at, as the screen keeps them (harvest.screening.rules)."""
LANGUAGE_WORDS = 3
"""Fewest words of a title in ASCII letters by which its language is told: CLD2 guesses at shorter ones."""
EMOJI = r"(?![©®™‼⁉〰〽㊗㊙]|.\ufe0e)\p{Extended_Pictographic}|\p{Regional_Indicator}|.\ufe0f"
"""What an emoji begins with (UTS #51): a pictograph but for signs that are text unless marked, a flag's letter, or
anything marked to be shown as a picture; what is marked to be shown as text is none."""


class TextScore(Step):
    """Facts of the title and hashtags as the site gave them.

    `words` of the title and `tags`, both without boilerplate; `language` (ISO 639-1) and the share of the title in it,
    null where it cannot be told; `boilerplate_share` of all words and tags, and `repetition`, the share of the words
    that stand in the title before, null where there are none; `emoji_share` of the title's visible characters, 0 where
    there are none; `unsafe_words`, how many entries of the list stand in title or tags. The texts are those of the
    candidates, since a step reads each column under one name: `harvest/screen` calls its own the same.
    """

    name = "filter/text"
    reads = (Read("harvest/media"), Read("harvest/candidates", ("title", "hashtags")))
    columns = {
        "words": pa.int32(),
        "tags": pa.int32(),
        "language": pa.string(),
        "language_share": pa.float32(),
        "boilerplate_share": pa.float32(),
        "emoji_share": pa.float32(),
        "repetition": pa.float32(),
        "unsafe_words": pa.int32(),
    }
    resources = Resources(batch_size=256)

    def __init__(self, config: TextConfig, base: Path) -> None:
        self.boilerplate = frozenset(map(words.fold, _listed("boilerplate", config.boilerplate, base)))
        self.unsafe = frozenset(_listed("unsafe_words", config.unsafe_words, base))

    def settings(self) -> Mapping[str, Any]:
        return {name: fingerprint.digest(sorted(getattr(self, name))) for name in ("boilerplate", "unsafe")}

    def setup(self) -> None:
        self._unsafe = Phrases(self.unsafe)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [
            sample.ok(scores(sample.columns["title"], sample.columns["hashtags"], self.boilerplate, self._unsafe))
            for sample in samples
        ]


class Phrases:
    """Words and phrases to look for: in titles as whole words, whatever their case, where a hyphen joins two to one; in
    hashtags also with their words run together. Those of scripts that put no spaces between words, anywhere."""

    def __init__(self, entries: Collection[str]) -> None:
        self._anywhere = {folded for entry in entries if words.unspaced(folded := words.fold(entry))}
        self._phrases = {tuple(words.words(entry)) for entry in entries if not words.unspaced(entry)} - {()}
        self._longest = max(map(len, self._phrases), default=0)
        self._together = {"".join(phrase): phrase for phrase in self._phrases}

    def found(self, title: str, tags: Sequence[str]) -> int:
        """How many different ones stand in a title and its hashtags, folded."""
        seen: set[Any] = {self._together[tag] for tag in tags if tag in self._together}
        for text in (title, *tags):
            said = words.words(text)
            for length in range(1, min(self._longest, len(said)) + 1):
                starts = range(len(said) - length + 1)
                seen.update(self._phrases & {tuple(said[start : start + length]) for start in starts})
            seen.update(entry for entry in self._anywhere if entry in words.fold(text))
        return len(seen)


def scores(
    title: str | None, hashtags: Sequence[str] | None, boilerplate: Collection[str], unsafe: Phrases
) -> dict[str, Any]:
    """The columns of a title and hashtags; `boilerplate` holds folded words."""
    shown = words.printable((title or "")[: 4 * CHARACTERS])[:CHARACTERS]
    tags = [words.fold(tag.strip("# ")) for tag in hashtags or ()]
    kept = [tag for tag in tags if tag not in boilerplate]
    clean = words.without(shown, frozenset(boilerplate))
    every, left = words.count(shown) + len(tags), words.count(clean) + len(kept)
    code, share = language(clean, LANGUAGE_WORDS)
    return {
        "words": words.count(clean),
        "tags": len(kept),
        "language": code,
        "language_share": share if code else None,
        "boilerplate_share": 1 - left / every if every else None,
        "emoji_share": emoji_share(shown),
        "repetition": repetition(shown),
        "unsafe_words": unsafe.found(shown, tags),
    }


def repetition(text: str) -> float | None:
    """The share of a text's words that stand in it before: 1 less its type-token ratio; None where there are none. Of
    scripts without spaces between words, each pair of neighbouring characters is taken for a word, as in searching."""
    said: list[str] = []
    for word in words.words(text):
        pairs = [word[place : place + 2] for place in range(len(word) - 1)]
        said += pairs if pairs and words.unspaced(word) else [word]
    return 1 - len(set(said)) / len(said) if said else None


def emoji_share(text: str) -> float:
    """The share of a text's visible characters (grapheme clusters, UAX #29) that are emoji; 0 where there are none."""
    import regex

    shown = [cluster for cluster in regex.findall(r"\X", text) if not cluster.isspace()]
    return sum(bool(regex.match(EMOJI, cluster)) for cluster in shown) / len(shown) if shown else 0.0


def _listed(key: str, reference: str, base: Path) -> list[str]:
    try:
        return read_lines(reference, base)
    except VidalError as error:
        raise type(error)(f"filter.text.{key}: {error}") from error
