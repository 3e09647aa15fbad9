"""Which of the sounds that a source found for a term are taken (paper, section 4.2): pure functions of what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from math import fsum
from typing import Any

from vidal.harvest.screening.config import RankConfig
from vidal.text import words

IN_TITLE, IN_TAGS, IN_DESCRIPTION = 1.0, 0.9, 0.5
"""What a word of the term counts for by where it stands; ours, the paper gives no measure."""
DESCRIPTION_CHARACTERS = 2000


def unranked(term: str, sounds: Sequence[Mapping[str, Any]], config: RankConfig) -> list[str | None]:
    """For each sound found for a term, the demand of `harvest.rank` that it does not meet, `keep` where others come
    before it; None: it is taken. Sounds alike in all that is ranked by come in order of id; one found twice counts as
    first told."""
    first: dict[str, Mapping[str, Any]] = {}
    for sound in sounds:
        first.setdefault(sound["id"], sound)
    found = {id_: similarity(term, sound) for id_, sound in first.items()}
    unmet = {id_: _unmet(sound, found[id_], config) for id_, sound in first.items()}
    ranked = sorted(
        (id_ for id_, demand in unmet.items() if demand is None), key=lambda id_: _place(first[id_], found[id_])
    )
    unmet.update(dict.fromkeys(ranked[config.keep :] if config.keep else (), "keep"))
    return [unmet[sound["id"]] for sound in sounds]


def similarity(term: str, sound: Mapping[str, Any]) -> float:
    """From 0 to 1: how much of a term's words, by their stems, stands in a sound's title, tags and description."""
    asked = _stems(term)
    if not asked:
        return 0.0
    fields = (
        (IN_TITLE, _stems(sound.get("title") or "")),
        (IN_TAGS, _stems(" ".join(sound.get("hashtags") or ()))),
        (IN_DESCRIPTION, _stems((sound.get("description") or "")[:DESCRIPTION_CHARACTERS])),
    )
    return fsum(max(weight * (stem in stems) for weight, stems in fields) for stem in asked) / len(asked)


def _unmet(sound: Mapping[str, Any], alike: float, config: RankConfig) -> str | None:
    """The first demand that a stated value does not meet."""
    seconds = sound.get("seconds")
    demands = (
        ("similarity", alike, config.min_similarity),
        ("rating", sound.get("rating"), config.min_rating),
        ("downloads", sound.get("downloads"), config.min_downloads),
        ("comments", sound.get("comments"), config.min_comments),
        ("tags", len(sound.get("hashtags") or ()), config.min_tags),
        ("seconds", seconds, config.min_seconds),
    )
    unmet = next((name for name, value, least in demands if value is not None and value < least), None)
    if unmet is None and config.max_seconds is not None and (seconds or 0) > config.max_seconds:
        return "seconds"
    return unmet


def _place(sound: Mapping[str, Any], alike: float) -> tuple[Any, ...]:
    numbers = (sound.get("rating"), sound.get("downloads"), sound.get("comments"), len(sound.get("hashtags") or ()))
    return -alike, *(-(number or 0) for number in numbers), sound["id"]


def _stems(text: str) -> frozenset[str]:
    return frozenset(map(_stem, words.words(text)))


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    return _stemmer().stem(word)


@cache
def _stemmer() -> Any:
    from nltk.stem.snowball import SnowballStemmer

    return SnowballStemmer("english")
