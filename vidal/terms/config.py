"""The `terms` section of the pipeline file, and the manifests of corpora that it names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vidal.engine.config import Section

Format = Literal["txt", "csv", "tsv", "json", "jsonl", "parquet"]
Modality = Literal["video", "audio", "both"]


class Corpus(Section):
    """Texts in files: one per line, per row, or per match of a path."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """How the corpus is named in the database and in messages."""
    path: str
    """A file or a glob, relative to the pipeline file, or in a manifest to `terms.corpora`; `vidal:…` for what
    comes with vidal, `package:NAME/…` for a file inside an installed package. What ends in `.gz` is unpacked."""
    format: Format | None = None
    """The format; where absent, the ending of the file's name. In `txt`, lines that begin with `#` are skipped."""
    field: str | None = None
    """Where the texts are: the column of a csv, tsv (its name in the first line, or its number from 0 where there is no
    such line) or parquet file; in json and jsonl a path such as `annotations.item.caption`, where `item` stands for
    every element of a list."""


class TermSource(Corpus):
    """A corpus of labels or captions."""

    kind: Literal["labels", "captions"]
    """Labels name things; captions are sentences or titles."""
    separator: str | None = None
    """What stands between the synonyms of one entry, such as `,`; one text where absent."""
    modality: Modality = "both"
    """What its terms should search."""
    required: bool = True
    """Whether a missing file is an error; otherwise the database is built without it, and says so."""
    entries: int | None = Field(None, ge=1)
    """How many entries its makers state: what its absence costs."""
    origin: str = ""
    """Where to get it."""
    licence: str = ""
    """The licence its makers state."""


class Manifest(Section):
    """A file that declares corpora."""

    begin_with = "manifests/ holds some"

    sources: tuple[TermSource, ...] = Field(min_length=1)
    """The corpora."""


class TermsConfig(Section):
    """Which search terms there are. Without any source no term is searched for."""

    manifests: tuple[str, ...] = ()
    """Files with a list `sources` such as the one below, relative to the pipeline file."""
    corpora: str = "corpora"
    """The folder in which the files of the manifests are looked for, relative to the pipeline file."""
    sources: tuple[TermSource, ...] = ()
    """The corpora to pool, besides those of the manifests."""
    exclude: tuple[Corpus, ...] = ()
    """Texts that may not become terms, such as the captions of a test set: equal ones, once normalised, are dropped."""
    languages: tuple[str, ...] = ("en",)
    """Languages kept (ISO 639-1), judged on texts of at least `language_words` words; empty: all."""
    language_words: int = Field(3, ge=1)
    """Fewest words by which a language is judged; shorter texts pass."""
    language_share: float = Field(0.7, ge=0, le=1)
    """How much of a text must be in another language for it to be dropped."""
    min_words: int = Field(1, ge=1)
    """Fewest words of a term."""
    max_words: int = Field(40, ge=1)
    """Most words of a term."""
    max_characters: int = Field(200, ge=1)
    """Longest term."""
    min_count: int = Field(1, ge=1)
    """Fewest times a term must stand in the sources together."""
    max_count: int | None = Field(None, ge=1)
    """Most times a term may stand in the sources together."""
    min_keyword_count: int = Field(1, ge=1)
    """Fewest occurrences of a keyword in all sources; a rarer one does not count as a keyword."""
    max_keyword_count: int | None = Field(None, ge=1)
    """Most occurrences of a keyword in all sources; a more common one does not count as a keyword."""
    tagger: Literal["auto", "textblob", "nltk"] = "auto"
    """What finds nouns and verbs: `nltk` is the paper's and needs its data installed, `textblob` brings its own;
    `auto` is `nltk` where its data are."""
    limit: int | None = Field(None, ge=1)
    """Size of the balanced subset; every term where absent. VIDAL-10M has 100,000 (paper, section 4.1)."""
