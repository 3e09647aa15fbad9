"""A table of addresses and texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import ConfigError, SampleError
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.listing.columns import TextColumns, renamed
from vidal.harvest.listing.rows import understood, unusable
from vidal.harvest.listing.tables import Row, open_table
from vidal.harvest.listing.texts import Texts
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Name, Order, Slice, Source, source_of
from vidal.harvest.sources.vidal_release import youtube_id
from vidal.harvest.sources.youtube import YouTube, YouTubeConfig
from vidal.text.hashtags import split_hashtags

PAGE_MARKS = (b"<", b"#extm3u")
"""How a page or a playlist begins, and no clip or sound does."""


class UrlColumns(TextColumns):
    """What the columns of the table are called; all but the address may be missing. Empty cells say nothing; several
    rows of an id add to its captions."""

    url: str = "url"
    """Address of a file or of a page, http or https."""
    id: str = "id"
    """What tells samples apart; a hash of the address where there is none."""
    kind: str = "kind"
    """`video` or `audio`."""
    language: str = "language"
    """Language (ISO 639-1)."""
    seconds: str = "seconds"
    """Length in seconds."""


class UrlsConfig(Section):
    """Addresses of clips and sounds in a table, with the texts that are known of them. A row that cannot be used
    becomes a sample that fails with the class `BadRow` and names its line."""

    type: Literal["urls"]
    name: Name
    path: str
    """The table, relative to the pipeline file or an fsspec URL: CSV, TSV or JSON lines, each also with `.gz`, or
    Parquet."""
    columns: UrlColumns = UrlColumns()
    kind: Literal["video", "audio"] = "video"
    """What the addresses lead to, where a row does not say."""
    fetch: Literal["auto", "file", "page"] = "auto"
    """Whether the addresses lead to media files, or to pages that yt-dlp reads; `auto` downloads what is there, and
    reads it as a page where it begins like one. Videos of YouTube are fetched as by the source `youtube`."""


class UrlRow(Texts):
    """A row of the table."""

    url: Annotated[str, Field(max_length=8192)]
    id: str | None = None
    kind: Literal["video", "audio"] | None = None
    language: str | None = None
    seconds: float | None = Field(None, ge=0, allow_inf_nan=False)


@source_of(UrlsConfig)
class Urls(Source):
    """Every row of a table."""

    def __init__(self, config: UrlsConfig, base: Path, network: Network | None) -> None:
        self.name = config.name
        self.config = config
        self.table = open_table(config.path, base)
        self.network = network
        self.youtube = YouTube(YouTubeConfig(type="youtube", name=config.name), base, network)

    def check(self) -> None:
        try:
            self.table.check(self.config.columns.url)
        except ConfigError as error:
            raise ConfigError(f"harvest source {self.name}: {error}") from error

    def listed(self) -> Iterator[Slice]:
        return self.table.slices()

    def search(self, query: str) -> Iterator[Candidate]:
        return (self._candidate(row) for row in self.table.rows(query))

    def fetch(self, order: Order) -> Fetched:
        from vidal.harvest.network.download import download
        from vidal.harvest.ytdlp.fetch import fetch

        if not addressed(order.url):
            raise SampleError("BadRow", order.url)
        if youtube_id(order.url):
            return self.youtube.fetch(order)
        if self.config.fetch == "page":
            return fetch(self.network, order)
        path = download(self.network, order.url, order.folder, order.max_bytes)
        if self.config.fetch == "auto" and is_page(path):
            path.unlink()
            return fetch(self.network, order)
        return Fetched(path)

    def _candidate(self, row: Row) -> Candidate:
        told, wrong = understood(row, UrlRow, renamed(row.values, self.config.columns))
        if told and not addressed(told.url):
            wrong = f"{told.url[:200]!r} is not an http or https address"
        if wrong or told is None:
            return unusable(row, wrong, self.config.kind, self.name)
        title, hashtags = split_hashtags(told.title or next(iter(told.captions), ""))
        return Candidate(
            id=safe_id(self.name, told.id or _hash(told.url)),
            kind=told.kind or self.config.kind,
            source=self.name,
            url=told.url,
            title=title,
            hashtags=told.tags(hashtags),
            description=told.description,
            seconds=told.seconds,
            licence=told.licence,
            uploader=told.uploader,
            language=told.language,
            captions=told.captions,
        )


def addressed(url: str) -> bool:
    """Whether a text is the address of something on an http or https server."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_page(path: Path) -> bool:
    """Whether a file begins like a page or a playlist, whatever its server calls it."""
    with path.open("rb") as stream:
        start = stream.read(512)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGE_MARKS)


def _hash(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:20]
