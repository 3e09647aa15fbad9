"""The video site: PeerTube's search API (https://docs.joinpeertube.org/api-rest-reference.html) and watch pages."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from uuid import UUID

from vidal.demo.language import words
from vidal.demo.reply import Reply, Request, json_reply, whole_number
from vidal.demo.trouble import Entry

SEARCH_PATH = "/api/v1/search/videos"
DEFAULT_COUNT, MAX_COUNT, MAX_START = 15, 100, 10_000_000
_LICENCES = {1: "Attribution", 2: "Attribution - Share Alike", 7: "Public Domain Dedication"}
_CHANNELS = ("rolling-things", "daily-shapes", "small-worlds")
_BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"


def search(entries: list[Entry], request: Request, base_url: str) -> Reply:
    """`GET /api/v1/search/videos?search=&start=&count=&durationMax=`: the clips that hold every word of `search` and
    are not longer, in site order."""
    start = whole_number(request.query.get("start"), 0, 0, MAX_START)
    count = whole_number(request.query.get("count"), DEFAULT_COUNT, 0, MAX_COUNT)
    longest = whole_number(request.query.get("durationMax"), MAX_START, 0, MAX_START)
    if start is None or count is None or longest is None:
        wrong = "start" if start is None else "count" if count is None else "durationMax"
        problem = {"type": "about:blank", "title": "Bad Request", "detail": f"Incorrect request parameters: {wrong}"}
        return json_reply(400, {**problem, "status": 400}, {"Content-Type": "application/problem+json; charset=utf-8"})
    clips = [entry for entry in entries if entry.kind == "video" and matches(entry, request.query.get("search", ""))]
    found = [clip for clip in (describe(entry, base_url) for entry in clips) if clip["duration"] <= longest]
    return json_reply(200, {"total": len(found), "data": found[start : start + count]})


def matches(entry: Entry, query: str) -> bool:
    """Whether the entry's texts hold every word of the query."""
    return set(words(query)) <= set(words(f"{entry.name} {entry.description}"))


def describe(entry: Entry, base_url: str) -> dict[str, Any]:
    """The entry as PeerTube's `Video` model."""
    number = entry.scene.index
    licence = list(_LICENCES)[number % len(_LICENCES)]
    channel = _CHANNELS[number % len(_CHANNELS)]
    day = f"2026-03-{1 + number % 28:02d}T12:00:00.000Z"
    return {
        "id": number + 1,
        "uuid": entry.id,
        "shortUUID": short_uuid(entry.id),
        "url": f"{base_url}/w/{entry.id}",
        "name": entry.name,
        "category": {"id": 15, "label": "Science & Technology"},
        "licence": {"id": licence, "label": _LICENCES[licence]},
        "language": {"id": "en", "label": "English"},
        "privacy": {"id": 1, "label": "Public"},
        "nsfw": False,
        "description": entry.description,
        "isLocal": True,
        "isLive": False,
        "duration": round(entry.duration),
        "aspectRatio": round(entry.scene.width / entry.scene.height, 4),
        "views": 10 + 37 * number,
        "likes": number % 23,
        "dislikes": number % 3,
        "comments": number % 7,
        "embedPath": f"/videos/embed/{entry.id}",
        "createdAt": day,
        "publishedAt": day,
        "updatedAt": day,
        "originallyPublishedAt": None,
        "account": _actor("demo", f"{base_url}/accounts/demo", base_url),
        "channel": _actor(channel, f"{base_url}/video-channels/{channel}", base_url),
    }


def _actor(name: str, url: str, base_url: str) -> dict[str, Any]:
    host = base_url.removeprefix("http://")
    return {"name": name, "displayName": name.replace("-", " ").title(), "url": url, "host": host, "avatars": []}


def short_uuid(uuid: str) -> str:
    """The UUID in base 58, 22 characters, as PeerTube shortens it."""
    number, text = UUID(uuid).int, ""
    for _ in range(22):
        number, digit = divmod(number, len(_BASE58))
        text = _BASE58[digit] + text
    return text


def watch_page(entry: Entry, base_url: str) -> Reply:
    """`GET /w/<uuid>`: a page that names its media in JSON-LD, Open Graph and a `<video>` element, texts escaped."""
    media = f"{base_url}/media/{entry.filename}"
    mime = "video/webm" if entry.codec == "vp9" else "video/mp4"
    facts = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": entry.name,
        "description": entry.description,
        "duration": f"PT{round(entry.duration)}S",
        "uploadDate": describe(entry, base_url)["publishedAt"],
        "contentUrl": media,
        "url": f"{base_url}/w/{entry.id}",
    }
    linked = json.dumps(facts).replace("<", "\\u003c").replace("&", "\\u0026")
    name = escape("".join(c for c in entry.name if c.isprintable()))
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{name}</title>
<meta property="og:title" content="{name}">
<meta property="og:type" content="video.other">
<meta property="og:video" content="{media}">
<meta property="og:video:type" content="{mime}">
<script type="application/ld+json">{linked}</script>
</head>
<body>
<h1>{name}</h1>
<video controls width="{entry.scene.width}" height="{entry.scene.height}"><source src="{media}" type="{mime}"></video>
<p>{escape(entry.description)}</p>
</body>
</html>
"""
    return Reply(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})
