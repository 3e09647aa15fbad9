"""YouTube as far as a guest's session asks it: answers of the shape that its own site reads, of clips made up here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from vidal.harvest.network.client import Network
from vidal.harvest.network.config import NetworkConfig

CHANNEL = "UC" + "a" * 22
PAGE = 20
SETTINGS = {"INNERTUBE_CONTEXT": {"client": {"clientName": "WEB", "clientVersion": "2.20260101.00.00", "hl": "en"}}}
QUICK = {"per_second": 1000.0, "total_per_second": 10_000.0, "concurrency": 8, "read_timeout": 5.0, "timeout": 20.0}


@dataclass(frozen=True)
class Clip:
    """A clip as the site knows it. `seconds` is None while it is live; `formats` are those of its player."""

    id: str
    title: str
    seconds: int | None = 12
    short: bool = True
    channel: str = "Cats and more"
    views: int = 1234
    keywords: tuple[str, ...] = ()
    licence: str | None = None
    formats: tuple[Mapping[str, Any], ...] = ()
    playability: Mapping[str, Any] = field(default_factory=lambda: {"status": "OK"})
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://www.youtube.com/{'shorts/' if self.short else 'watch?v='}{self.id}"


@dataclass
class YouTube:
    """Answers to requests; `asked` lists them as (method, path, JSON body or None). `overrides` maps a path to an
    answer instead of what the site has."""

    results: Mapping[str, Sequence[Clip]] = field(default_factory=dict)
    clips: Mapping[str, Clip] = field(default_factory=dict)
    overrides: dict[str, httpx.Response] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, content = request.url.path, request.read()
        body = json.loads(content) if content else None
        self.asked.append((request.method, path, body))
        if path in self.overrides:
            given = self.overrides[path]
            return httpx.Response(given.status_code, headers=given.headers, content=given.content)
        if path == "/youtubei/v1/search":
            return httpx.Response(200, json=self._searched(body))
        if path == "/youtubei/v1/player":
            return httpx.Response(200, json=player(self.clips[body["videoId"]], formats=True))
        if path == "/watch":
            return httpx.Response(200, html=page(self.clips[request.url.params["v"]]))
        if path.startswith("/embed/"):
            return httpx.Response(200, html=f"<script>ytcfg.set({json.dumps(SETTINGS)});</script>")
        return httpx.Response(404)

    def _searched(self, body: Mapping[str, Any]) -> dict[str, Any]:
        query, _, start = body.get("continuation", f"{body.get('query')}@0").rpartition("@")
        found, first = self.results.get(query, ()), int(start)
        items = [_section([renderer(clip) for clip in found[first : first + PAGE]] or [_NOTHING])]
        if first + PAGE < len(found):
            items.append(_more(f"{query}@{first + PAGE}"))
        if first:
            return {"onResponseReceivedCommands": [{"appendContinuationItemsAction": {"continuationItems": items}}]}
        contents = {"primaryContents": {"sectionListRenderer": {"contents": items}}}
        return {"contents": {"twoColumnSearchResultsRenderer": contents}}


class Served(Network):
    """A network whose requests for YouTube are answered by a function, behind all its gates; loopback is itself."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response], **given: Any) -> None:
        super().__init__(NetworkConfig(**{**QUICK, "allow": ("127.0.0.1",), **given}), Path())
        self.answer = answer

    def _transport(self) -> Any:
        inner, answer = super()._transport(), self.answer

        class Transport(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                if request.url.host == "127.0.0.1":
                    return inner.handle_request(request)
                assert request.url.host == "www.youtube.com" and request.url.scheme == "https", request.url
                given = answer(request)
                return httpx.Response(given.status_code, headers=given.headers, stream=_Stream(given.content))

        return Transport()


class _Stream(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content


def renderer(clip: Clip) -> dict[str, Any]:
    """A result of a search."""
    style = "LIVE" if clip.seconds is None else "SHORTS" if clip.short else "DEFAULT"
    byline = {"runs": [{"text": clip.channel, "navigationEndpoint": {"browseEndpoint": {"browseId": CHANNEL}}}]}
    told: dict[str, Any] = {
        "videoId": clip.id,
        "title": {"runs": [{"text": clip.title}]},
        "ownerText": byline,
        "shortBylineText": byline,
        "viewCountText": {"simpleText": f"{clip.views:,} views"},
        "navigationEndpoint": {
            "commandMetadata": {"webCommandMetadata": {"url": clip.url.removeprefix("https://www.youtube.com")}}
        },
        "thumbnailOverlays": [{"thumbnailOverlayTimeStatusRenderer": {"style": style, "text": {"simpleText": style}}}],
    }
    if clip.seconds is not None:
        told["lengthText"] = {"simpleText": f"{clip.seconds // 60}:{clip.seconds % 60:02d}"}
    return {"videoRenderer": told}


def player(clip: Clip, formats: bool = False) -> dict[str, Any]:
    """What the player is told of a clip, of its formats where it may play them."""
    told = {
        "playabilityStatus": dict(clip.playability),
        "videoDetails": {
            "videoId": clip.id,
            "title": clip.title,
            "lengthSeconds": str(clip.seconds or 0),
            "channelId": CHANNEL,
            "author": clip.channel,
            "keywords": list(clip.keywords),
            "viewCount": str(clip.views),
            "shortDescription": f"about {clip.title}",
            "isLiveContent": clip.seconds is None,
            "isPrivate": False,
            **clip.details,
        },
        "microformat": {"playerMicroformatRenderer": {"uploadDate": "2026-01-31T10:00:00-08:00", "isUnlisted": False}},
    }
    if formats and clip.playability["status"] == "OK":
        whole = [format_ for format_ in clip.formats if format_["itag"] == 18]
        told["streamingData"] = {
            "formats": whole,
            "adaptiveFormats": [format_ for format_ in clip.formats if format_["itag"] != 18],
        }
    return told


def page(clip: Clip) -> str:
    """The page that the clip is watched on."""
    rows = [{"metadataRowRenderer": {"title": {"simpleText": "License"}, "contents": [{"simpleText": clip.licence}]}}]
    owner = {"videoOwnerRenderer": {"title": {"runs": [{"text": clip.channel}]}}}
    second = {"owner": owner, "metadataRowContainer": {"metadataRowContainerRenderer": {"rows": rows}}}
    contents = [{"videoSecondaryInfoRenderer": second if clip.licence else {"owner": owner}}]
    data = {"contents": {"twoColumnWatchNextResults": {"results": {"results": {"contents": contents}}}}}
    return (
        f"<html><head><title>x</title><script>ytcfg.set({json.dumps(SETTINGS)});</script></head><body>"
        f"<script>var ytInitialPlayerResponse = {json.dumps(player(clip))};</script>"
        f"<script>var ytInitialData = {json.dumps(data)};</script></body></html>"
    )


def format_(
    itag: int, url: str, mime: str, size: int, width: int = 0, height: int = 0, rate: int = 0
) -> dict[str, Any]:
    """A format of the player; the bit rate is in bits per second."""
    told = {"itag": itag, "url": url, "mimeType": mime, "contentLength": str(size), "bitrate": rate or 500_000}
    if width:
        return {**told, "width": width, "height": height, "fps": 24, "quality": "medium", "qualityLabel": f"{height}p"}
    return {**told, "audioQuality": "AUDIO_QUALITY_MEDIUM", "audioSampleRate": "48000", "audioChannels": 2}


def _section(contents: list[Any]) -> dict[str, Any]:
    return {"itemSectionRenderer": {"contents": contents}}


def _more(token: str) -> dict[str, Any]:
    command = {"continuationCommand": {"token": token, "request": "CONTINUATION_REQUEST_TYPE_SEARCH"}}
    return {
        "continuationItemRenderer": {"trigger": "CONTINUATION_TRIGGER_ON_ITEM_SHOWN", "continuationEndpoint": command}
    }


_NOTHING = {"backgroundPromoRenderer": {"title": {"runs": [{"text": "No results found"}]}}}
