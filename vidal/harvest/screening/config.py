"""The sections `harvest.screen` and `harvest.rank` of the pipeline file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vidal.engine.config import Section

Unknown = Literal["pass", "ask", "reject"]


class DenyConfig(Section):
    """What is never fetched: take-downs, and channels that are not wanted. An entry, one per line in a file, is a
    sample's id, a site's own id, an address, or `uploader:` and a channel's or account's name or id."""

    files: tuple[str, ...] = ()
    """Text files of entries, relative to the pipeline file; lines that begin with `#` are comments."""
    entries: tuple[str, ...] = ()
    """Entries given here."""


class ScreenConfig(Section):
    """Rules on text and metadata, applied before a byte of media is fetched (paper, section 4.2 and appendix A)."""

    deny: DenyConfig = DenyConfig()
    live: bool = False
    """Whether live streams are taken."""
    age_restricted: bool = False
    """Whether media for adults (an age limit of 18 years or more) are taken."""
    licences: tuple[str, ...] = ()
    """Licences that are taken, by SPDX identifier, address or label; all where empty. One without a version, such as
    `CC-BY`, stands for all its versions."""
    unknown_licence: Unknown = "reject"
    """What `licences` does with what states none: take it, `ask` its page before the download, or reject it."""
    max_seconds: float = Field(20.0, gt=0)
    """Longest clip, as the site states it; the measured length is checked again after download."""
    languages: tuple[str, ...] = ()
    """Languages that are taken (ISO 639-1), as stated or else as detected in the title; all where empty."""
    unknown_language: Unknown = "pass"
    """What `languages` does where a language is neither stated nor to be told from the title."""
    min_title_words: int = Field(2, ge=0)
    """Fewest words of a title, boilerplate removed."""
    words_or_hashtags: bool = True
    """Whether hashtags make up for a short title; otherwise the words are needed whatever the hashtags."""
    min_hashtags: int = Field(0, ge=0)
    """Fewest hashtags, boilerplate removed, whatever the title."""
    boilerplate: str = "vidal:manifests/boilerplate.txt"
    """Words and hashtags removed from titles, one per line."""
    stop_words: str | None = None
    """Words that say too little, one per line, such as the paper's list `vidal:manifests/stop-words.txt`."""
    stop_word_action: Literal["remove", "reject"] = "remove"
    """Whether stop words are removed from titles and hashtags, or reject what contains one."""
    compat: Literal["languagebind"] | None = None
    """`languagebind` cleans texts exactly as the published trainer does, in place of `boilerplate`: it deletes inside
    words, and empties titles that are not in Latin letters."""


class RankConfig(Section):
    """Which of the sounds that a source found for a term are taken (paper, section 4.2): each demand is made where the
    source states the value, then the first `keep` in order of similarity to the term, rating, downloads, comments and
    number of tags."""

    keep: int | None = Field(None, ge=1)
    """Most sounds taken for a term from a source; all where absent."""
    min_similarity: float = Field(0.0, ge=0, le=1)
    """Least similarity of the term and the sound's title, tags and description."""
    min_rating: float = Field(0.0, ge=0, le=1)
    """Lowest rating, from 0 to 1."""
    min_downloads: int = Field(0, ge=0)
    """Fewest downloads."""
    min_comments: int = Field(0, ge=0)
    """Fewest comments."""
    min_tags: int = Field(0, ge=0)
    """Fewest tags."""
    min_seconds: float = Field(0.0, ge=0)
    """Shortest sound, as stated."""
    max_seconds: float | None = Field(None, gt=0)
    """Longest sound, as stated."""
