"""PeerTube: openly licensed video behind a documented search API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import SampleError
from vidal.harvest.candidate import Candidate, safe_id, split_hashtags
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Name, Order, Source, source_of

PAGE = 100
"""Most results PeerTube gives in one answer (its REST reference, parameter `count`)."""
ADULT = 18


class PeerTubeConfig(Section):
    """A PeerTube site: searched through its REST API, downloaded with yt-dlp."""

    type: Literal["peertube"]
    name: Name
    url: str = Field(pattern=r"^https?://")
    """The site's address, such as `https://peertube.example`."""
    results: int = Field(20, ge=1)
    """Most results taken for a term."""
    max_seconds: float | None = Field(None, gt=0)
    """Longest clip asked for."""


@source_of(PeerTubeConfig)
class PeerTube(Source):
    """`GET /api/v1/search/videos` page by page; the watch page goes to yt-dlp."""

    searches = "video"

    def __init__(self, config: PeerTubeConfig, base: Path, network: Network | None) -> None:
        self.name = config.name
        self.config = config
        self.url = config.url.rstrip("/")
        self.network = network

    def search(self, query: str) -> Iterator[Candidate]:
        start, results = 0, self.config.results
        asked = {"search": query, "nsfw": "false"}
        if self.config.max_seconds is not None:
            asked["durationMax"] = int(self.config.max_seconds)
        while start < results:
            count = min(PAGE, results - start)
            answer = self.network.get_json(
                f"{self.url}/api/v1/search/videos", {**asked, "start": start, "count": count}
            )
            try:
                videos = answer["data"]
                yield from (self._candidate(video) for video in videos)
            except (KeyError, TypeError, AttributeError) as error:
                raise SampleError("BadAnswer", f"{self.url}: not a PeerTube search answer ({error!r})") from error
            start += count
            if len(videos) < count:
                return

    def fetch(self, order: Order) -> Fetched:
        from vidal.harvest.ytdlp.fetch import fetch

        return fetch(self.network, order)

    def _candidate(self, video: dict[str, Any]) -> Candidate:
        title, hashtags = split_hashtags(video["name"])
        account = video.get("account") or {}
        return Candidate(
            id=safe_id(self.name, video["uuid"]),
            kind="video",
            source=self.name,
            url=video["url"],
            title=title,
            hashtags=hashtags,
            description=video.get("description"),
            seconds=video.get("duration"),
            licence=(video.get("licence") or {}).get("label"),
            uploader=account.get("displayName"),
            uploader_id=account.get("url"),
            language=(video.get("language") or {}).get("id"),
            published=video.get("publishedAt"),
            live=video.get("isLive"),
            age_limit=ADULT if video.get("nsfw") else None,
            comments=video.get("comments"),
            watched=video.get("views"),
        )
