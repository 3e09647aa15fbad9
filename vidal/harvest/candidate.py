"""A candidate: what a site says of one clip or sound before a byte of its media is fetched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

UNSAFE = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True)
class Candidate:
    """One search result. `id` is a safe shard key; `captions` are texts that came with the media, `views` text views
    that did; `seconds` is the stated length, `age_limit` is in years, `rating` from 0 to 1; None is unknown."""

    id: str
    kind: str
    source: str
    url: str
    title: str
    hashtags: tuple[str, ...] = ()
    description: str | None = None
    seconds: float | None = None
    licence: str | None = None
    uploader: str | None = None
    uploader_id: str | None = None
    language: str | None = None
    published: str | None = None
    captions: tuple[str, ...] = ()
    views: dict[str, Any] | None = None
    live: bool | None = None
    age_limit: int | None = None
    rating: float | None = None
    downloads: int | None = None
    comments: int | None = None
    watched: int | None = None
    revision: str | None = None

    def to_row(self) -> dict[str, Any]:
        """The fields as storable values: what is not Unicode text (lone surrogates) becomes `?`."""
        return storable(asdict(self))


def safe_id(source: str, site_id: str) -> str:
    """A key for shards and file names: letters, digits, `-`, `_`; distinct for distinct (source, site id).

    An id that is already safe is kept readable; any other is shortened and told apart by a hash.
    """
    lowered = site_id.lower()
    plain = UNSAFE.sub("-", lowered).strip("-")[:40]
    if plain != site_id:
        plain = f"{plain or 'x'}-{hashlib.sha256(site_id.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
    return f"{source}_{plain}"


def updated(facts: Mapping[str, Any], page: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a candidate, with those that its page states in their place."""
    return {**facts, **{name: value for name, value in page.items() if value not in (None, "", [], ())}}


def storable(value: Any) -> Any:
    """The value with every text in it storable: what is not Unicode (lone surrogates) becomes `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {name: storable(inner) for name, inner in value.items()}
    return [storable(inner) for inner in value] if isinstance(value, list | tuple) else value
