"""Freesound: sounds under Creative Commons licences, behind its API v2 (https://freesound.org/docs/api)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import MissingError, SampleError
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
    """`GET /apiv2/search/`, all fields in one request a page. Tokens travel in a header, so no URL shows them."""

    searches = "audio"

    def __init__(self, config: FreesoundConfig, base: Path, network: Network | None) -> None:
        self.name = config.name
        self.config = config
        self.url = config.url.rstrip("/")
        self.network = network

    def search(self, query: str) -> Iterator[Candidate]:
        page, found, results = 1, 0, self.config.results
        asked = {"query": query, "fields": FIELDS, "page_size": min(PAGE, results)}
        if filters := filter_of(self.config):
            asked["filter"] = filters
        while found < results:
            headers = {"Authorization": f"Token {self._secret(self.config.token_env, 'API token')}"}
            answer = self.network.get_json(f"{self.url}/apiv2/search/", {**asked, "page": page}, headers)
            try:
                sounds = answer["results"][: results - found]
                yield from (self._candidate(sound) for sound in sounds)
            except (KeyError, TypeError, AttributeError) as error:
                raise SampleError("BadAnswer", f"{self.url}: not a Freesound search answer ({error!r})") from error
            found += len(sounds)
            page += 1
            if not answer.get("next"):
                return

    def fetch(self, order: Order) -> Fetched:
        from vidal.harvest.network.download import download

        headers = {}
        if self.config.oauth_env and order.url.startswith(f"{self.url}/apiv2/"):
            headers["Authorization"] = f"Bearer {self._secret(self.config.oauth_env, 'OAuth2 access token')}"
        return Fetched(download(self.network, order.url, order.folder, order.max_bytes, headers))

    def _secret(self, variable: str, what: str) -> str:
        secret = os.environ.get(variable)
        if not secret:
            raise MissingError(
                f"harvest source {self.name}: the environment variable {variable} is not set; "
                f"it holds the Freesound {what}"
            )
        return secret

    def _candidate(self, sound: dict[str, Any]) -> Candidate:
        original = f"{self.url}/apiv2/sounds/{int(sound['id'])}/download/"
        rated = sound.get("num_ratings") and sound.get("avg_rating") is not None
        return Candidate(
            id=safe_id(self.name, str(sound["id"])),
            kind="audio",
            source=self.name,
            url=original if self.config.oauth_env else sound["previews"]["preview-hq-ogg"],
            title=" ".join(str(sound["name"]).split()),
            hashtags=tuple(str(tag) for tag in sound.get("tags") or ()),
            description=sound.get("description"),
            seconds=sound.get("duration"),
            licence=sound.get("license"),
            uploader=sound.get("username"),
            uploader_id=sound.get("username"),
            published=sound.get("created"),
            rating=sound["avg_rating"] / BEST_RATING if rated else None,
            downloads=sound.get("num_downloads"),
            comments=sound.get("num_comments"),
        )


def filter_of(config: FreesoundConfig) -> str:
    """The `filter` parameter, in the Solr syntax that Freesound documents; empty where everything is asked for."""
    least, most = config.min_seconds, config.max_seconds
    parts = []
    if least is not None or most is not None:
        parts.append(f"duration:[{least or 0:g} TO {'*' if most is None else f'{most:g}'}]")
    if config.min_rating is not None:
        parts.append(f"avg_rating:[{config.min_rating:g} TO *]")
    if config.min_downloads is not None:
        parts.append(f"num_downloads:[{config.min_downloads} TO *]")
    if config.licences:
        names = " OR ".join(f'"{name}"' for name in config.licences)
        parts.append(f"license:({names})")
    return " ".join(parts)
