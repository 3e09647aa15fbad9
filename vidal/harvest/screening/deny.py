"""The deny-list: take-downs and channels that are not wanted, however they were written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from vidal.harvest.candidate import safe_id
from vidal.harvest.screening.words import fold

UPLOADER = "uploader:"


class DenyList:
    """What is denied. An entry is a sample's id, a site's own id (at whatever source), the address of a clip, or
    `uploader:` and a channel's or account's name or id. An address of YouTube denies the video in all spellings of its
    address, or the channel."""

    def __init__(self, entries: Iterable[str]) -> None:
        ids, addresses, uploaders = set(), set(), set()
        for entry in map(str.strip, entries):
            if entry.startswith(UPLOADER):
                uploaders.add(_name(entry.removeprefix(UPLOADER)))
            elif "/" in entry:
                channel = youtube_channel(entry)
                (uploaders if channel else addresses).add(_name(channel) if channel else address(entry))
                ids.add(entry)
            else:
                ids.add(entry)
        self.ids = frozenset(ids) - {""}
        self.addresses = frozenset(addresses)
        self.uploaders = frozenset(uploaders) - {""}
        self._ids_of: dict[str, frozenset[str]] = {}

    def denies(self, values: Mapping[str, Any]) -> bool:
        """Whether a candidate's id, address or uploader is on the list."""
        if self.ids and values.get("id") in self.ids | self._at(values.get("source") or ""):
            return True
        if self.addresses and address(values.get("url") or "") in self.addresses:
            return True
        names = (values.get("uploader"), values.get("uploader_id")) if self.uploaders else ()
        return any(_name(name) in self.uploaders for name in names if name)

    def _at(self, source: str) -> frozenset[str]:
        """The entries as ids of a source's samples, for what is denied by the site's own id."""
        if source not in self._ids_of:
            self._ids_of[source] = frozenset(safe_id(source, entry) for entry in self.ids)
        return self._ids_of[source]


def address(url: str) -> str:
    """One spelling for the addresses of one page: without scheme, `www.`, `m.`, closing slash and fragment; of a video
    of YouTube, its id."""
    host, path, query = _parts(url)
    video = _youtube_video(host, path, query)
    if video:
        return f"youtube:{video}"
    return f"{host}{path}?{query}" if query else f"{host}{path}"


def youtube_channel(url: str) -> str | None:
    """The channel that an address of YouTube names: its id or handle; None for other addresses."""
    host, path, _ = _parts(url)
    names = path.strip("/").split("/")
    if host != "youtube.com":
        return None
    if names[0].startswith("@"):
        return names[0]
    return names[1] if len(names) > 1 and names[0] in ("channel", "c", "user") else None


def _youtube_video(host: str, path: str, query: str) -> str | None:
    names = path.strip("/").split("/")
    if host == "youtu.be":
        return names[0] or None
    if host not in ("youtube.com", "music.youtube.com", "youtube-nocookie.com"):
        return None
    if names[0] == "watch":
        return parse_qs(query).get("v", [None])[0]
    return names[1] if len(names) > 1 and names[0] in ("shorts", "embed", "live", "v") else None


def _parts(url: str) -> tuple[str, str, str]:
    """Host, path and query of an address; one that cannot be read is all path."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:
        return "", url, ""
    host = parts.netloc.lower().rpartition("@")[2]
    return host.removeprefix("www.").removeprefix("m."), parts.path.rstrip("/"), parts.query


def _name(name: str) -> str:
    return fold(name.strip()).removeprefix("@")
