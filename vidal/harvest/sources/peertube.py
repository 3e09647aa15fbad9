"""PeerTube: openly licensed video behind a documented search API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from vidal.engine.config import Section
from vidal.harvest.answers import candidates, entry, flag, link, number, text, whole
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Name, Order, Source, source_of
from vidal.text.hashtags import split_hashtags

PAGE = 100
"""Most results PeerTube gives in one answer (its REST reference, parameter `count`)."""
ADULT = 18
LICENCES = {
    1: "CC-BY", 2: "CC-BY-SA", 3: "CC-BY-ND", 4: "CC-BY-NC", 5: "CC-BY-NC-SA", 6: "CC-BY-NC-ND", 7: "CC0-1.0",
}  # fmt: skip
"""PeerTube's numbers of licences (its REST reference, `/api/v1/videos/licences`)."""


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
    """`GET /api/v1/search/videos` page by page; the watch page goes to yt-dlp. A video that the site knows from another
    one is watched there."""

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
            answer = entry(
                self.network.get_json(f"{self.url}/api/v1/search/videos", {**asked, "start": start, "count": count})
            )
            listed = answer.get("data")
            yield from candidates(listed[:count] if isinstance(listed, list) else None, self._candidate, self.url)
            start += count
            if len(listed) < count:
                return

    def fetch(self, order: Order) -> Fetched:
        from vidal.harvest.ytdlp.fetch import fetch

        return fetch(self.network, order)

    def _candidate(self, video: Mapping[str, Any]) -> Candidate | None:
        """A video as a candidate; None without its UUID."""
        uuid = text(video.get("uuid"))
        if uuid is None:
            return None
        title, hashtags = split_hashtags(text(video.get("name")) or "")
        account = entry(video.get("account"))
        return Candidate(
            id=safe_id(self.name, uuid),
            kind="video",
            source=self.name,
            url=link(video.get("url")) or f"{self.url}/videos/watch/{quote(uuid, safe='', errors='replace')}",
            title=title,
            hashtags=hashtags,
            description=text(video.get("description")),
            seconds=number(video.get("duration")),
            licence=_licence(entry(video.get("licence"))),
            uploader=text(account.get("displayName")),
            uploader_id=text(account.get("url")),
            language=text(entry(video.get("language")).get("id")),
            published=text(video.get("publishedAt")),
            live=flag(video.get("isLive")),
            age_limit=ADULT if video.get("nsfw") else None,
            comments=whole(video.get("comments")),
            watched=whole(video.get("views")),
        )


def _licence(stated: Mapping[str, Any]) -> str | None:
    """The licence as it is labelled; by its number where the label says nothing."""
    return text(stated.get("label")) or LICENCES.get(whole(stated.get("id")))
