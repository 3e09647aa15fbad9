"""Freesound: sounds under Creative Commons licences, behind its API v2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vidal.engine.errors import MissingError, SampleError
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.config import FreesoundConfig
from vidal.harvest.http import download, get_json
from vidal.harvest.sources import source_of

FIELDS = "id,name,tags,description,license,duration,username,created,previews"
PAGE = 150
"""Largest page of Freesound's search (its API reference, parameter `page_size`)."""


@source_of(FreesoundConfig)
class Freesound:
    """`GET /apiv2/search/`, all fields in one request a page. The token travels in a header, so no URL shows it."""

    searches = "audio"

    def __init__(self, config: FreesoundConfig, base: Path) -> None:
        self.name = config.name
        self.url = config.url.rstrip("/")
        self.results = config.results
        self.token_env = config.token_env

    def revision(self) -> None:
        return None

    def search(self, term: str | None) -> Iterator[Candidate]:
        page, found = 1, 0
        while found < self.results:
            size = min(PAGE, self.results)
            parameters = {"query": term, "fields": FIELDS, "page": page, "page_size": size}
            answer = get_json(f"{self.url}/apiv2/search/", parameters, self._headers())
            try:
                sounds = answer["results"][: self.results - found]
                yield from (self._candidate(sound) for sound in sounds)
            except (KeyError, TypeError, AttributeError) as error:
                raise SampleError("BadAnswer", f"{self.url}: not a Freesound search answer ({error!r})") from error
            found += len(sounds)
            page += 1
            if not answer.get("next"):
                return

    def fetch(self, url: str, kind: str, folder: Path, max_bytes: int, timeout: float) -> Path:
        return download(url, folder / "media", max_bytes, timeout)

    def _headers(self) -> dict[str, str]:
        token = os.environ.get(self.token_env)
        if not token:
            raise MissingError(
                f"harvest source {self.name}: the environment variable {self.token_env} is not set; "
                "it holds the Freesound API token"
            )
        return {"Authorization": f"Token {token}"}

    def _candidate(self, sound: dict[str, Any]) -> Candidate:
        return Candidate(
            id=safe_id(self.name, str(sound["id"])),
            kind="audio",
            source=self.name,
            url=sound["previews"]["preview-hq-ogg"],
            title=" ".join(str(sound["name"]).split()),
            hashtags=tuple(str(tag) for tag in sound.get("tags") or ()),
            description=sound.get("description"),
            seconds=sound.get("duration"),
            licence=sound.get("license"),
            uploader=sound.get("username"),
            published=sound.get("created"),
        )
