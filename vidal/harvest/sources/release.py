"""A release of ids and texts, as `vidal export release` writes it: the samples of another's dataset, made again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vidal.engine.config import Section
from vidal.engine.errors import ConfigError, SampleError
from vidal.harvest.candidate import Candidate
from vidal.harvest.listing.rows import understood, unusable
from vidal.harvest.listing.tables import Row, open_table
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Name, Order, Slice, Source, source_of
from vidal.harvest.sources.local import Local, LocalConfig
from vidal.harvest.sources.urls import Urls, UrlsConfig, addressed
from vidal.harvest.sources.vidal_release import views_of
from vidal.text.hashtags import split_hashtags

ID = re.compile(r"[a-z0-9_-]{1,120}", re.ASCII)


class ReleaseConfig(Section):
    """A file of `vidal export release`. Its samples keep their ids, and its texts come with them: what a stage of this
    build makes replaces the text of the same name. A row that cannot be used becomes a sample that fails with the class
    `BadRow` and names its line."""

    type: Literal["release"]
    name: Name
    path: str
    """The file of JSON lines, relative to the pipeline file or an fsspec URL; its name may end in `.gz`."""
    media: str | None = None
    """The folder below which the media lie that the release knows as files, relative to the pipeline file, or an fsspec
    URL; those it knows by addresses are fetched from there."""


class ReleaseRow(BaseModel):
    """A row of the file; keys that are not known are for others."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Literal["video", "audio"]
    url: Annotated[str, Field(max_length=8192)]
    licence: str | None = None
    uploader: str | None = None
    language: str | None = None
    published: str | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    captions: tuple[str, ...] = ()
    views: dict[str, Any] = {}


@source_of(ReleaseConfig)
class Release(Source):
    """Every row of a release."""

    def __init__(self, config: ReleaseConfig, base: Path, network: Network | None) -> None:
        self.name = config.name
        self.table = open_table(config.path, base)
        self.urls = Urls(UrlsConfig(type="urls", name=config.name, path=config.path), base, network)
        folder = config.media and LocalConfig(type="local", name=config.name, path=config.media)
        self.files = Local(folder, base, network) if folder else None

    def check(self) -> None:
        try:
            self.table.check("id", "url")
        except ConfigError as error:
            raise ConfigError(f"harvest source {self.name}: {error}") from error
        if self.files:
            self.files.check()

    def listed(self) -> Iterator[Slice]:
        return self.table.slices()

    def search(self, query: str) -> Iterator[Candidate]:
        return (self._candidate(row) for row in self.table.rows(query))

    def fetch(self, order: Order) -> Fetched:
        if order.url.startswith(f"{self.table.name}:"):
            raise SampleError("BadRow", order.url)
        if addressed(order.url):
            return self.urls.fetch(order)
        if self.files is None:
            raise SampleError("NoMedia", f"{order.url} is a file; set the source's `media` to the folder it lies in")
        return self.files.fetch(order)

    def _candidate(self, row: Row) -> Candidate:
        told, wrong = understood(row, ReleaseRow, row.values)
        if told and not ID.fullmatch(told.id):
            wrong = f"{told.id[:200]!r} is no id of a sample"
        if wrong or told is None:
            return unusable(row, wrong, "video", self.name)
        views = views_of(told.views)
        title, hashtags = split_hashtags(views.get("raw", ""))
        return Candidate(
            id=told.id,
            kind=told.kind,
            source=self.name,
            url=told.url,
            title=title,
            hashtags=hashtags,
            seconds=told.seconds,
            licence=told.licence,
            uploader=told.uploader,
            language=told.language,
            published=told.published,
            captions=told.captions,
            views=views or None,
        )
