"""What yt-dlp tells of a clip, as the columns of a candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from vidal.text.hashtags import split_hashtags

LIVE = frozenset({"is_live", "is_upcoming", "post_live"})
OLDEST, MOST = 120, 2**53
"""Largest age limit, in years, and largest count that a site is believed."""


def facts_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in yt-dlp's info dictionary, of a page or of an entry of a search; None where it says nothing."""
    title, hashtags = split_hashtags(str(info.get("title") or ""))
    tags = (str(tag) for tag in info.get("tags") or ())
    live = info.get("live_status")
    return {
        "title": title or None,
        "hashtags": list(dict.fromkeys((*hashtags, *tags))),
        "description": _text(info.get("description")),
        "seconds": _number(info.get("duration")),
        "licence": _text(info.get("license")),
        "uploader": _text(info.get("channel") or info.get("uploader")),
        "uploader_id": _text(info.get("channel_id") or info.get("uploader_id")),
        "language": _text(info.get("language")),
        "published": _published(info),
        "live": live in LIVE if live else _flag(info.get("is_live")),
        "age_limit": _whole(info.get("age_limit"), OLDEST),
        "comments": _whole(info.get("comment_count"), MOST),
        "watched": _whole(info.get("view_count"), MOST),
    }


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _whole(value: Any, largest: int) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value <= largest else None


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _published(info: Mapping[str, Any]) -> str | None:
    """The instant in ISO 8601, or the day where no more is said."""
    if isinstance(info.get("timestamp"), int | float):
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(info["timestamp"], UTC).isoformat(timespec="seconds")
    day = str(info.get("upload_date") or "")
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdigit() else None
