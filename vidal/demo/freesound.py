"""The sound site: Freesound's search API, version 2 (https://freesound.org/docs/api/resources_apiv2.html)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from vidal.demo.peertube import matches
from vidal.demo.reply import Reply, Request, json_reply, whole_number
from vidal.demo.trouble import Entry

SEARCH_PATHS = ("/apiv2/search/", "/apiv2/search/text/")
DEFAULT_FIELDS = "id,name,tags,license,username"
DEFAULT_SIZE, MAX_SIZE, MAX_PAGE = 15, 150, 100_000
_LICENCES = {
    "http://creativecommons.org/publicdomain/zero/1.0/": "Creative Commons 0",
    "https://creativecommons.org/licenses/by/4.0/": "Attribution",
}
"""Licences by address, as a sound states them, with the names that filters know."""


def search(entries: list[Entry], request: Request, base_url: str) -> Reply:
    """`GET /apiv2/search/?query=&filter=&fields=&page=&page_size=&token=`: the sounds that hold every word of `query`
    and that `filter` lets through.

    400 for a filter that cannot be read; 401 without a token, given as the parameter or as `Authorization: Token ...`;
    404 for a page beyond the last.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if not (request.query.get("token") or (scheme == "Token" and key)):
        return json_reply(401, {"detail": "Authentication credentials were not provided."})
    page = whole_number(request.query.get("page"), 1, 1, MAX_PAGE)
    size = whole_number(request.query.get("page_size"), DEFAULT_SIZE, 1, MAX_SIZE)
    if page is None or size is None:
        return json_reply(400, {"detail": f"Invalid {'page' if page is None else 'page_size'}."})
    passes = filtering(request.query.get("filter", ""))
    if passes is None:
        return json_reply(400, {"detail": "Search server error: please check that your filter syntax is correct."})
    sounds = [entry for entry in entries if entry.kind == "audio" and matches(entry, request.query.get("query", ""))]
    found = [entry for entry in sounds if passes(describe(entry, base_url))]
    if page > 1 and (page - 1) * size >= len(found):
        return json_reply(404, {"detail": "Invalid page."})
    fields = request.query.get("fields", DEFAULT_FIELDS).split(",")
    shown = [describe(entry, base_url) for entry in found[(page - 1) * size : page * size]]
    return json_reply(
        200,
        {
            "count": len(found),
            "next": _page_url(request, base_url, page + 1) if page * size < len(found) else None,
            "previous": _page_url(request, base_url, page - 1) if page > 1 else None,
            "results": [{field: sound[field] for field in fields if field in sound} for sound in shown],
        },
    )


def describe(entry: Entry, base_url: str) -> dict[str, Any]:
    """The entry with every field of a Freesound `Sound` that a harvester asks for."""
    number = entry.scene.index
    return {
        "id": int(entry.id),
        "url": f"{base_url}/people/demo/sounds/{entry.id}/",
        "name": entry.title,
        "tags": list(entry.hashtags),
        "description": entry.description,
        "license": [*_LICENCES][number % len(_LICENCES)],
        "username": "demo",
        "duration": entry.duration,
        "created": f"2026-03-{1 + number % 28:02d}T12:00:00",
        "num_downloads": 5 + 3 * number,
        "avg_rating": 3.0 + number % 20 / 10,
        "num_ratings": number % 9,
        "num_comments": number % 4,
        "previews": {
            "preview-hq-ogg": f"{base_url}/media/{entry.filename}",
            "preview-hq-mp3": f"{base_url}/media/{entry.id}.mp3",
        },
    }


def filtering(text: str) -> Callable[[dict[str, Any]], bool] | None:
    """Whether a sound passes a filter of Freesound: `field:value`, `field:"a value"`, `field:(a OR "b c")` and
    `field:[least TO most]` side by side, `*` for no bound; None for another text."""
    tests: list[Callable[[dict[str, Any]], bool]] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or part["field"] not in _FILTERS:
            return None
        at = part.end()
        read = _FILTERS[part["field"]]
        if part["least"]:
            bounds = (_bound(part["least"], float("-inf")), _bound(part["most"], float("inf")))
            if None in bounds:
                return None
            tests.append(lambda sound, read=read, bounds=bounds: bounds[0] <= read(sound) <= bounds[1])
        else:
            values = {value.strip(' "') for value in (part["one"] or part["several"]).split(" OR ")}
            tests.append(lambda sound, read=read, values=values: str(read(sound)) in values)
    return lambda sound: all(test(sound) for test in tests)


def _bound(text: str, none: float) -> float | None:
    try:
        return none if text == "*" else float(text)
    except ValueError:
        return None


_PART = re.compile(
    r"(?P<field>\w+):(?:\[(?P<least>\S+) TO (?P<most>\S+)\]|\((?P<several>[^()]+)\)"
    r'|(?P<one>"[^"]+"|[^\s"()\[\]]+))(?:\s+|$)'
)
_FILTERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "duration": lambda sound: sound["duration"],
    "avg_rating": lambda sound: sound["avg_rating"],
    "num_downloads": lambda sound: sound["num_downloads"],
    "license": lambda sound: _LICENCES[sound["license"]],
}


def _page_url(request: Request, base_url: str, page: int) -> str:
    """The same search at another page; like Freesound, without the token."""
    kept = {key: value for key, value in request.query.items() if key not in ("token", "page")}
    return f"{base_url}{request.path}?{urlencode({**kept, 'page': page})}"
