"""PeerTube: openly licensed video behind a documented search API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest import ytdlp
from vidal.harvest.candidate import Candidate, safe_id, split_hashtags
from vidal.harvest.config import PeerTubeConfig
from vidal.harvest.http import get_json
from vidal.harvest.sources import source_of

PAGE = 100
"""Most results PeerTube gives in one answer (its REST reference, parameter `count`)."""


@source_of(PeerTubeConfig)
class PeerTube:
    """`GET /api/v1/search/videos` page by page; the watch page goes to yt-dlp."""

    searches = "video"

    def __init__(self, config: PeerTubeConfig, base: Path) -> None:
        self.name = config.name
        self.url = config.url.rstrip("/")
        self.results = config.results

    def revision(self) -> None:
        return None

    def search(self, term: str | None) -> Iterator[Candidate]:
        start = 0
        while start < self.results:
            count = min(PAGE, self.results - start)
            answer = get_json(
                f"{self.url}/api/v1/search/videos", {"search": term, "start": start, "count": count, "nsfw": "false"}
            )
            try:
                videos = answer["data"]
                yield from (self._candidate(video) for video in videos if not video.get("isLive"))
            except (KeyError, TypeError, AttributeError) as error:
                raise SampleError("BadAnswer", f"{self.url}: not a PeerTube search answer ({error!r})") from error
            start += count
            if len(videos) < count:
                return

    def fetch(self, url: str, kind: str, folder: Path, max_bytes: int, timeout: float) -> Path:
        return ytdlp.fetch(url, folder, max_bytes, timeout)

    def _candidate(self, video: dict[str, Any]) -> Candidate:
        title, hashtags = split_hashtags(video["name"])
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
            uploader=(video.get("account") or {}).get("displayName"),
            language=(video.get("language") or {}).get("id"),
            published=video.get("publishedAt"),
        )
