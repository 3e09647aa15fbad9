"""Freesound: sounds under Creative Commons licences, behind its API v2 (https://freesound.org/docs/api)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import MissingError, SampleError
from vidal.harvest.answers import candidates, entry, link, number, text, texts, whole
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Name, Order, Source, source_of

FIELDS = (
    "id,name,tags,description,license,duration,username,created,previews,"
    "avg_rating,num_ratings,num_downloads,num_comments"
)
PAGE = 150
"""Largest page of Freesound's search (its API reference, parameter `page_size`)."""
BEST_RATING = 5.0
PREVIEWS = ("preview-hq-ogg", "preview-hq-mp3")
"""The previews that are fetched, the better first: about 192 and 128 kbit/s (its API reference, `previews`)."""
PER_DAY = 2000
"""Requests that Freesound allows a key in a day (its API's overview, throttling): an original is one of them, a preview
is none."""


class FreesoundConfig(Section):
    """Freesound's API v2, searched with a token from the environment. Sounds come as the high-quality previews that
    need no more than that, or, with an OAuth2 token, as they were uploaded."""

    type: Literal["freesound"]
    name: Name
    url: str = Field("https://freesound.org", pattern=r"^https?://")
    """The site's address."""
    token_env: str = "FREESOUND_API_KEY"
    """The environment variable that holds the API token."""
    oauth_env: str | None = None
    """The environment variable that holds an OAuth2 access token, to fetch originals instead of previews."""
    results: int = Field(20, ge=1)
    """Most results taken for a term."""
    min_seconds: float | None = Field(None, ge=0)
    """Shortest sound asked for."""
    max_seconds: float | None = Field(None, gt=0)
    """Longest sound asked for."""
    min_rating: float | None = Field(None, ge=0, le=5)
    """Lowest average rating asked for, of 5."""
    min_downloads: int | None = Field(None, ge=0)
    """Fewest downloads asked for."""
    licences: tuple[Literal["Attribution", "Attribution NonCommercial", "Creative Commons 0"], ...] = ()
    """Licences asked for, by Freesound's names; none given are all."""


@source_of(FreesoundConfig)
class Freesound(Source):
    """`GET /apiv2/search/`, all fields in one request a page. Tokens travel in a header, so no URL shows them; one that
    Freesound refuses ends the build, since no sound is to blame."""

    searches = "audio"

    def __init__(self, config: FreesoundConfig, base: Path, network: Network | None) -> None:
        self.name = config.name
        self.config = config
        self.url = config.url.rstrip("/")
        self.network = network
        self.per_hour = PER_DAY / 24 if config.oauth_env else None

    def search(self, query: str) -> Iterator[Candidate]:
        asked = {"query": query_of(query), "fields": FIELDS, "page_size": min(PAGE, self.config.results)}
        if not asked["query"]:
            return
        if filters := filter_of(self.config):
            asked["filter"] = filters
        page, left = 1, self.config.results
        while left > 0:
            answer = self._page({**asked, "page": page})
            listed = answer.get("results")
            yield from candidates(listed[:left] if isinstance(listed, list) else None, self._candidate, self.url)
            left -= len(listed)
            page += 1
            if not listed or not answer.get("next"):
                return

    def fetch(self, order: Order) -> Fetched:
        from vidal.harvest.network.download import download

        if not order.url.startswith(f"{self.url}/apiv2/"):
            return Fetched(download(self.network, order.url, order.folder, order.max_bytes))
        if not self.config.oauth_env:
            raise SampleError("NoPreview", f"{order.url}: the sound has no preview; its original needs `oauth_env`")
        with self._authorised(self.config.oauth_env, "Bearer", "OAuth2 access token") as headers:
            return Fetched(download(self.network, order.url, order.folder, order.max_bytes, headers))

    def _page(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._authorised(self.config.token_env, "Token", "API token") as headers:
            return entry(self.network.get_json(f"{self.url}/apiv2/search/", asked, headers))

    @contextmanager
    def _authorised(self, variable: str, scheme: str, what: str) -> Iterator[dict[str, str]]:
        """The header that shows who asks. Raises MissingError, naming source and variable, for a token that is absent,
        can be none, or that Freesound refuses."""
        place = f"harvest source {self.name}: the environment variable {variable}"
        secret = os.environ.get(variable, "").strip()
        if not secret:
            raise MissingError(f"{place} is not set; it holds the Freesound {what}")
        if not (secret.isascii() and secret.isprintable()) or " " in secret:
            raise MissingError(f"{place} holds what cannot be a Freesound {what}: letters and digits in one line")
        try:
            yield {"Authorization": f"{scheme} {secret}"}
        except SampleError as error:
            if error.error_class != "Refused":
                raise
            raise MissingError(f"{place} holds a Freesound {what} that was refused ({error}); renew it") from error

    def _candidate(self, sound: Mapping[str, Any]) -> Candidate | None:
        """A sound as a candidate; None without its number. One without a preview is there as its original."""
        site_id = whole(sound.get("id"))
        if site_id is None:
            return None
        previews = entry(sound.get("previews"))
        preview = next(filter(None, (link(previews.get(name)) for name in PREVIEWS)), None)
        original = f"{self.url}/apiv2/sounds/{site_id}/download/"
        rating, rated = number(sound.get("avg_rating")), whole(sound.get("num_ratings"))
        return Candidate(
            id=safe_id(self.name, str(site_id)),
            kind="audio",
            source=self.name,
            url=original if self.config.oauth_env or not preview else preview,
            title=" ".join((text(sound.get("name")) or "").split()),
            hashtags=texts(sound.get("tags")),
            description=text(sound.get("description")),
            seconds=number(sound.get("duration")),
            licence=text(sound.get("license")),
            uploader=text(sound.get("username")),
            uploader_id=text(sound.get("username")),
            published=text(sound.get("created")),
            rating=min(rating / BEST_RATING, 1.0) if rated and rating is not None else None,
            downloads=whole(sound.get("num_downloads")),
            comments=whole(sound.get("num_comments")),
        )


def query_of(term: str) -> str:
    """The `query` parameter: the words of a term, all of which are asked for. Quotes and signs before words, which
    have a meaning of their own to Freesound, go; without words it would find every sound there is."""
    return " ".join(filter(None, (word.lstrip("+-") for word in term.replace('"', " ").split())))


def filter_of(config: FreesoundConfig) -> str:
    """The `filter` parameter, in the Solr syntax that Freesound documents; empty where everything is asked for."""
    least, most = config.min_seconds, config.max_seconds
    parts = []
    if least is not None or most is not None:
        parts.append(f"duration:[{_plain(least or 0)} TO {'*' if most is None else _plain(most)}]")
    if config.min_rating is not None:
        parts.append(f"avg_rating:[{_plain(config.min_rating)} TO *]")
    if config.min_downloads is not None:
        parts.append(f"num_downloads:[{config.min_downloads} TO *]")
    if config.licences:
        names = " OR ".join(f'"{name}"' for name in config.licences)
        parts.append(f"license:({names})")
    return " ".join(parts)


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
