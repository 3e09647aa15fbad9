"""The released annotation file of VIDAL-10M: YouTube ids with the texts that were made of their clips."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import ConfigError
from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.listing.content import Content
from vidal.harvest.listing.objects import DamageError, Member, members, read
from vidal.harvest.network.client import Network
from vidal.harvest.screening.addresses import address
from vidal.harvest.sources import Fetched, Name, Order, Slice, Source, source_of
from vidal.harvest.sources.youtube import YouTube, YouTubeConfig
from vidal.text.hashtags import split_hashtags

ENTRIES = 250
"""Ids of a slice: about a quarter of a megabyte of the released file."""
SLICE_BYTES = 2 << 20
"""Bytes after which a slice ends however few its ids."""
TEXTS = ("raw", "mplug", "polish_mplug", "sound_mplug")
WATCH = "https://www.youtube.com/watch?v="


class VidalReleaseConfig(Section):
    """The annotation file that VIDAL-10M was released as, one JSON object of `id: {folder, mplug, polish_mplug, ofa,
    sound_mplug, raw}`. Its clips come from YouTube, and its texts with them: what a stage of this build makes replaces
    the text of the same name. Of an entry that lacks a text, or has something else in its place, the rest is taken."""

    type: Literal["vidal-release"]
    name: Name
    path: str
    """The file, relative to the pipeline file or an fsspec URL; its name may end in `.gz`."""
    videos_per_hour: float = Field(300.0, gt=0)
    """Most videos asked for in an hour, as for the source `youtube`, with which the pace is shared."""


@source_of(VidalReleaseConfig)
class VidalRelease(Source):
    """Every id of the file. A slice is named by the bytes it spans, and its revision is a hash of them."""

    def __init__(self, config: VidalReleaseConfig, base: Path, network: Network | None) -> None:
        self.name = config.name
        self.content = Content(config.path, base)
        self.per_hour = config.videos_per_hour
        self.youtube = YouTube(
            YouTubeConfig(type="youtube", name=config.name, videos_per_hour=config.videos_per_hour), base, network
        )

    def check(self) -> None:
        """Raise ConfigError unless the file begins with an entry as it should be."""
        for member in self._members():
            if isinstance(member.value, dict) and any(name in member.value for name in (*TEXTS, "ofa")):
                return
            raise ConfigError(
                f"harvest source {self.name}: {self.content.path}: {member.name!r} is no entry of the form "
                "{folder, mplug, polish_mplug, ofa, sound_mplug, raw}"
            )
        raise ConfigError(f"harvest source {self.name}: {self.content.path} holds no ids")

    def listed(self) -> Iterator[Slice]:
        """The slices in order, in one pass over the file. Raises ConfigError where it is damaged."""
        start, stop, count, state = 0, 0, 0, hashlib.sha256()
        for member in self._members():
            if count == ENTRIES or (count and member.stop - start > SLICE_BYTES):
                yield Slice(_named(start, stop), state.hexdigest())
                count, state = 0, hashlib.sha256()
            start, stop, count = start if count else member.start, member.stop, count + 1
            state.update(member.content)
        if count:
            yield Slice(_named(start, stop), state.hexdigest())

    def search(self, query: str) -> Iterator[Candidate]:
        start, stop = (int(word) for word in query.split("-"))
        with self._damage(start):
            for id_, entry in read(self.content.read(start, stop)):
                yield self._candidate(id_, entry if isinstance(entry, dict) else {})

    def fetch(self, order: Order) -> Fetched:
        return self.youtube.fetch(order)

    def _candidate(self, id_: str, entry: Mapping[str, Any]) -> Candidate:
        views = views_of(entry)
        title, hashtags = split_hashtags(views.get("raw", ""))
        return Candidate(
            id=safe_id(self.name, id_),
            kind="video",
            source=self.name,
            url=WATCH + quote(id_, safe="", errors="replace"),
            title=title,
            hashtags=hashtags,
            views=views or None,
        )

    def _members(self) -> Iterator[Member]:
        with self._damage(0):
            yield from members(self.content.chunks())

    @contextmanager
    def _damage(self, start: int) -> Iterator[None]:
        try:
            yield
        except DamageError as error:
            place = f"byte {start + error.at:,} of {self.content.path}"
            raise ConfigError(f"harvest source {self.name}: {place}: {error}; was it fetched whole?") from error


def views_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The text views of an entry, without those that are missing or of another type."""
    views = {name: entry[name] for name in TEXTS if isinstance(entry.get(name), str)}
    captions = entry.get("ofa")
    if isinstance(captions, list) and all(isinstance(caption, str) for caption in captions):
        views["ofa"] = captions
    return views


def _named(start: int, stop: int) -> str:
    return f"{start:014d}-{stop:014d}"


def youtube_id(url: str) -> str | None:
    """The id of a video of YouTube by its address; None for other addresses."""
    site, _, id_ = address(url).partition(":")
    return id_ if site == "youtube" else None
