"""YouTube, searched and read by yt-dlp as a guest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import PendingError, SampleError
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Name, Order, Source, source_of

SITE = "https://www.youtube.com/"
EXTRACTORS = ["youtube", "youtube:search"]
OURS = frozenset({"Refused", "Unsupported"})
"""What is answered to a session rather than for a clip: media refused though its page offers them, or no media offered
to a player without JavaScript."""


class YouTubeConfig(Section):
    """YouTube, as a guest. A search costs one request for about 20 results; what is too long or live among them is left
    to the rules of `harvest.screen`, which count it."""

    type: Literal["youtube"]
    name: Name
    results: int = Field(40, ge=1)
    """Most results taken for a term."""
    query: str = Field("{term} #shorts", pattern=r"\{term\}")
    """What is searched for, `{term}` standing for the term."""
    videos_per_hour: float = Field(300.0, gt=0)
    """Most videos asked for in an hour, from all workers of this machine: about 300 is what a guest's session gets, by
    yt-dlp's documentation (its wiki, page Extractors)."""


@source_of(YouTubeConfig)
class YouTube(Source):
    """yt-dlp's `ytsearch`, flat: one request per page of results, none per video. A video's page and player are asked
    for when it is fetched, at the pace of `videos_per_hour`."""

    searches = "video"

    def __init__(self, config: YouTubeConfig, base: Path, network: Network | None) -> None:
        self.name = config.name
        self.config = config
        self.network = network
        self.per_hour = config.videos_per_hour

    def search(self, query: str) -> Iterator[Candidate]:
        from vidal.harvest.ytdlp.session import session

        asked = {
            "extract_flat": "in_playlist",
            "allowed_extractors": EXTRACTORS,
            "extractor_args": {"youtube": {"raise_incomplete_data": ["yes"]}, "youtubetab": {"skip": ["webpage"]}},
        }
        words = self.config.query.replace("{term}", query)
        with session(self.network, SITE, asked) as downloader:
            found = downloader.extract_info(f"ytsearch{self.config.results}:{words}", download=False)
        yield from (self._candidate(entry) for entry in found["entries"] if entry.get("ie_key") == "Youtube")

    def fetch(self, order: Order) -> Fetched:
        from vidal.harvest.ytdlp.fetch import fetch

        self.network.wait("videos of YouTube", self.per_hour / 3600, SITE)
        asked = {"allowed_extractors": EXTRACTORS, "extractor_args": {"youtube": {"player_skip": ["js"]}}}
        try:
            return fetch(self.network, order, asked)
        except SampleError as error:
            if error.error_class in OURS:
                raise PendingError(error.error_class, str(error)) from error
            raise

    def _candidate(self, entry: Mapping[str, Any]) -> Candidate:
        from vidal.harvest.ytdlp.facts import facts_of

        told = facts_of(entry)
        return Candidate(
            **{**told, "title": told["title"] or "", "hashtags": tuple(told["hashtags"])},
            id=safe_id(self.name, entry["id"]),
            kind="video",
            source=self.name,
            url=entry["url"],
        )
