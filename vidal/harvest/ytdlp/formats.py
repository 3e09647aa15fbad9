"""Which of the formats that a page offers are fetched: no more pixels than are needed, and sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PROTOCOLS = frozenset({"http", "https", "m3u8_native", "http_dash_segments"})
"""Those that yt-dlp reads itself, through the harvest's network; for others it starts programs of its own."""
SOUND_KBITS = 64.0
"""Sound of this bit rate holds all that 16 kHz mono can."""


def chosen(formats: Sequence[Mapping[str, Any]], kind: str, short_side: int, max_bytes: int) -> list[Mapping[str, Any]]:
    """One format, or one of pictures and one of sound to be put together; none where nothing can be fetched.

    `formats` are yt-dlp's, worst first. Of pictures the smallest with at least `short_side` pixels is taken, else the
    largest; what does not tell its size counts as smaller than all that do.
    """
    usable = [
        format_
        for format_ in formats
        if format_.get("protocol") in PROTOCOLS and not format_.get("has_drm") and _bytes(format_) <= max_bytes
    ]
    sounds = [format_ for format_ in usable if _lacks(format_, "vcodec") and not _lacks(format_, "acodec")]
    whole = [format_ for format_ in usable if not _lacks(format_, "vcodec") and not _lacks(format_, "acodec")]
    if kind == "audio":
        best = _sound(sounds)
        return [best] if best else whole[-1:]
    silent = [format_ for format_ in usable if _lacks(format_, "acodec") and not _lacks(format_, "vcodec")]
    sound = _sound(sounds)
    picture = _picture(whole if not silent else [*(silent if sound or not whole else ()), *whole], short_side)
    if picture is None:
        return []
    return [picture, sound] if sound and _lacks(picture, "acodec") else [picture]


def _picture(formats: Sequence[Mapping[str, Any]], short_side: int) -> Mapping[str, Any] | None:
    """The format of least pixels that is large enough, else the largest; of equal ones the last, hence the best."""
    enough = [format_ for format_ in formats if _side(format_) >= short_side]
    if enough:
        return min(reversed(enough), key=_pixels)
    return max(reversed(formats), key=_pixels, default=None)


def _sound(formats: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The sound of the lowest bit rate that is enough, else of the highest."""
    enough = [format_ for format_ in formats if (format_.get("abr") or format_.get("tbr") or 0) >= SOUND_KBITS]
    return min(enough, key=lambda format_: format_.get("abr") or format_["tbr"]) if enough else (formats or [None])[-1]


def _lacks(format_: Mapping[str, Any], codec: str) -> bool:
    return format_.get(codec) == "none"


def _side(format_: Mapping[str, Any]) -> int:
    return min(format_.get("width") or format_.get("height") or 0, format_.get("height") or format_.get("width") or 0)


def _pixels(format_: Mapping[str, Any]) -> int:
    height, width = format_.get("height") or 0, format_.get("width") or 0
    return (height or width) * (width or height)


def _bytes(format_: Mapping[str, Any]) -> int:
    return format_.get("filesize") or format_.get("filesize_approx") or 0
