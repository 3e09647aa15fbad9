"""The rules of the screen, in order. The screen applies them all; those on metadata are for the downloader too, which
learns more from a page than a search tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidal.engine import fingerprint
from vidal.engine.errors import ConfigError, VidalError
from vidal.harvest.screening import licence
from vidal.harvest.screening.config import ScreenConfig, Unknown
from vidal.harvest.screening.deny import DenyList, names_uploader
from vidal.harvest.uploaders import Uploaders
from vidal.resources import read_lines
from vidal.terms.language import RENAMED, language
from vidal.text import languagebind, words

READS = (
    "source", "url", "title", "hashtags", "seconds", "licence", "uploader", "uploader_id", "language", "live",
    "age_limit", "unranked",
)  # fmt: skip
"""The columns of a candidate that decide, besides its id."""
METADATA = (
    "deny", "live", "age_restricted", "licences", "unknown_licence", "max_seconds", "languages", "unknown_language",
)  # fmt: skip
"""The keys of `harvest.screen` that the rules on metadata follow from."""
ASKED = ("licence", "language")
"""The columns whose lack the rules on metadata hold against a candidate, unless its page makes up for it."""
RAW_READS = ("views",)
"""Those that decide besides with `compat: languagebind`, which cleans the raw text where one came with the sample."""
TITLE_CHARACTERS = 500
"""Longest title kept, in characters; what uploaders paste beyond it names nothing."""
HASHTAGS = 100
"""Most hashtags kept; YouTube ignores all where there are more than 60 (its help page on hashtags)."""
HASHTAG_CHARACTERS = 100
"""Longest hashtag kept, in characters; a longer one is a text that somebody put a `#` before."""
ADULT = 18
"""The age limit, in years, from which media are age-restricted."""
LANGUAGE_WORDS, LANGUAGE_SHARE = 3, 0.7
"""Fewest words of a title in ASCII letters, and least share of it, by which its language is told."""


@dataclass(frozen=True)
class Texts:
    title: str
    hashtags: tuple[str, ...]


@dataclass(frozen=True)
class Screened:
    """A candidate's cleaned texts, and the rule that rejects it (None: it passes)."""

    title: str
    hashtags: tuple[str, ...]
    rule: str | None


class Rules:
    """The rules of a section `harvest.screen`, with the lists it names read; `base` is where its paths start, and
    `uploaders` tells what of an uploader the candidates hold (names, unless given).

    In order: `deny`, `live`, `age_restricted`, `licence`, `duration`, `language` on metadata; `rank_…` as the merge of
    the searches found it; `title_words`, `hashtags`, `boilerplate`, `stop_words` on texts. The first that holds is the
    one that rejects. What a site does not state is held against a candidate by `licence` and `language` alone, as their
    switches say.

    Raises ConfigError or MissingError, naming key and file, for a list that cannot be read, and ConfigError for an
    entry that no rule can be made of.
    """

    def __init__(self, config: ScreenConfig, base: Path, uploaders: Uploaders | None = None) -> None:
        upstream = config.compat == "languagebind"
        self.config = config
        self.boilerplate = frozenset() if upstream else _word_list("boilerplate", config.boilerplate, base)
        self.stop_words = _word_list("stop_words", config.stop_words, base) if config.stop_words else frozenset()
        self.denied = sorted({*config.deny.entries, *_deny_entries(config.deny.files, base)})
        if uploaders and uploaders.keep == "nothing" and (named := next(filter(names_uploader, self.denied), None)):
            raise ConfigError(
                f"harvest.screen.deny: {named} names an uploader, of whom harvest.uploaders keeps nothing; keep hashes"
            )
        self._deny = DenyList(self.denied, uploaders and uploaders.stored)
        self._licences = frozenset(map(_licence, config.licences))
        self._languages = frozenset(map(_language, config.languages))

    def settings(self) -> Mapping[str, Any]:
        """All that decides, in JSON types: the lists by hash of their content, whatever file it came from."""
        return {
            **self.config.model_dump(mode="json", exclude={"boilerplate", "stop_words", "deny"}),
            "boilerplate": fingerprint.digest(sorted(self.boilerplate)),
            "stop_words": fingerprint.digest(sorted(self.stop_words)),
            "deny": fingerprint.digest(self.denied),
        }

    def metadata_settings(self) -> Mapping[str, Any]:
        """Those of `settings` that the rules on metadata follow from."""
        found = self.settings()
        return {name: found[name] for name in METADATA}

    def screened(self, values: Mapping[str, Any]) -> Screened:
        """A candidate's texts cleaned and all rules applied. `values` are its id and the columns of READS; what is
        missing or None is unknown. A pure function of them."""
        plain, clean, stopped = self._texts(values)
        unranked = values.get("unranked") and f"rank_{values['unranked']}"
        rule = self._metadata(values, last=False) or unranked or self._text_rule(plain, clean, stopped)
        kept = clean if self.config.stop_word_action == "reject" else stopped
        return Screened(kept.title, kept.hashtags, rule)

    def failed(self, values: Mapping[str, Any]) -> str | None:
        """The first rule on metadata that rejects what a page tells of a clip, None if none does.

        To be asked last before the download, of the candidate's id and columns brought up to date by its page: what
        the rules would `ask` and is unknown still, they reject.
        """
        return self._metadata(values, last=True)

    def _metadata(self, values: Mapping[str, Any], last: bool) -> str | None:
        config = self.config
        if self._deny.denies(values):
            return "deny"
        if values.get("live") and not config.live:
            return "live"
        if (values.get("age_limit") or 0) >= ADULT and not config.age_restricted:
            return "age_restricted"
        if self._licences and not self._licensed(values.get("licence"), last):
            return "licence"
        if (values.get("seconds") or 0) > config.max_seconds:
            return "duration"
        if self._languages and not self._spoken(values, last):
            return "language"
        return None

    def _licensed(self, stated: str | None, last: bool) -> bool:
        known = licence.normalise(stated)
        return licence.allowed(known, self._licences) if known else _passes(self.config.unknown_licence, last)

    def _spoken(self, values: Mapping[str, Any], last: bool) -> bool:
        known = _primary(values.get("language") or "") or _detected(_title(values))
        return known in self._languages if known else _passes(self.config.unknown_language, last)

    def _texts(self, values: Mapping[str, Any]) -> tuple[Texts, Texts, Texts]:
        """The texts as they stand, cleaned of boilerplate, and cleaned of stop words besides."""
        tags = (words.printable(tag).strip("# ") for tag in (values.get("hashtags") or ())[:HASHTAGS])
        plain = Texts(_title(values), tuple(tag for tag in tags if 0 < len(tag) <= HASHTAG_CHARACTERS))
        clean = _published(values) if self.config.compat else _without(plain, self.boilerplate)
        return plain, clean, _without(clean, self.stop_words) if self.stop_words else clean

    def _text_rule(self, plain: Texts, clean: Texts, stopped: Texts) -> str | None:
        if lack := self._lack(plain):
            return lack
        if self._lack(clean):
            return "boilerplate"
        rejects = stopped != clean if self.config.stop_word_action == "reject" else self._lack(stopped)
        return "stop_words" if rejects else None

    def _lack(self, texts: Texts) -> str | None:
        """What texts have too little of, as the name of a rule."""
        config = self.config
        made_up = config.words_or_hashtags and texts.hashtags
        if not made_up and words.count(texts.title) < config.min_title_words:
            return "title_words"
        return "hashtags" if len(texts.hashtags) < config.min_hashtags else None


def _passes(switch: Unknown, last: bool) -> bool:
    return switch == "pass" or (switch == "ask" and not last)


def _without(texts: Texts, listed: frozenset[str]) -> Texts:
    tags = tuple(tag for tag in texts.hashtags if words.fold(tag) not in listed)
    return Texts(words.without(texts.title, listed), tags)


def _published(values: Mapping[str, Any]) -> Texts:
    """The texts as the published trainer cleans them, from the raw text where one came with the sample."""
    raw = (values.get("views") or {}).get("raw")
    if raw is None:
        raw = " ".join([values.get("title") or "", *(f"#{tag}" for tag in values.get("hashtags") or ())])
    title, hashtags = languagebind.split(raw)
    return Texts(languagebind.clean_title(title), tuple(languagebind.clean_hashtags(hashtags).split()))


def _title(values: Mapping[str, Any]) -> str:
    return words.printable((values.get("title") or "")[: 4 * TITLE_CHARACTERS])[:TITLE_CHARACTERS]


def _licence(stated: str) -> str:
    known = licence.normalise(stated)
    if known is None:
        raise ConfigError(f"harvest.screen.licences: {stated!r} names no licence; unknown_licence is for what has none")
    return known


def _language(code: str) -> str:
    known = _primary(code)
    if not (known.isascii() and known.isalpha() and len(known) in (2, 3)):
        raise ConfigError(f"harvest.screen.languages: {code!r} is not the code of a language, such as `en` (ISO 639-1)")
    return known


def _primary(code: str) -> str:
    """The language of a tag such as `en-GB`; empty where it names none (`und`, `mul`, `zxx`)."""
    language = code.strip().lower().replace("_", "-").partition("-")[0]
    return "" if language in ("und", "mul", "zxx") else RENAMED.get(language, language)


def _detected(title: str) -> str | None:
    code, share = language(title, LANGUAGE_WORDS)
    return code if share >= LANGUAGE_SHARE else None


def _word_list(key: str, reference: str, base: Path) -> frozenset[str]:
    listed = _lines(key, reference, base)
    for line in listed:
        if len(line.split()) > 1:
            raise ConfigError(f"harvest.screen.{key}: {reference}: one word per line, not {line!r}")
    return frozenset(map(words.fold, listed))


def _deny_entries(files: Iterable[str], base: Path) -> list[str]:
    return [line for file in files for line in _lines("deny.files", file, base)]


def _lines(key: str, reference: str, base: Path) -> list[str]:
    try:
        return read_lines(reference, base)
    except VidalError as error:
        raise type(error)(f"harvest.screen.{key}: {error}") from error
