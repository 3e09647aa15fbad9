"""Which of the formats that a page offers are fetched: no more pixels than are needed, and sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Format = Mapping[str, Any]

WHOLE = frozenset({"http", "https"})
SEGMENTED = frozenset({"m3u8_native", "http_dash_segments"})
PROTOCOLS = WHOLE | SEGMENTED
"""Those that yt-dlp reads itself, through the harvest's network; for others it starts programs or threads."""
SOUND_KBITS = 64.0
"""Sound of this bit rate holds all that 16 kHz mono can."""
DAMAGED = -10
"""The `preference` from which down yt-dlp takes a format for damaged."""


def chosen(formats: Sequence[Format], kind: str, short_side: int, max_bytes: int) -> list[Format]:
    """One format, or one of pictures and one of sound to be put together; empty where nothing can be fetched.

    `formats` are yt-dlp's, worst first; a codec that is not named may be there. For a clip, sound comes first, then the
    original of several languages, then pictures of at least `short_side` pixels, of as few as may be, else of as many
    as there are, then few requests; of equal ones the last is the best. A format without a size counts as smaller than
    all that state one. For a sound, one without pictures is taken where there is one.
    """
    usable = [format_ for format_ in formats if _readable(format_)]
    sound = _sound([format_ for format_ in usable if _has(format_, "acodec") and not _has(format_, "vcodec")])
    if kind == "audio" and sound and _bytes([sound]) <= max_bytes:
        return [sound]
    ways = [way for way in _ways(usable, sound) if _bytes(way) <= max_bytes]
    side = 0 if kind == "audio" else short_side
    return min(reversed(ways), key=lambda way: _cost(way, side), default=[])


def none_chosen(formats: Sequence[Format]) -> str:
    """The error class for formats of which none can be fetched."""
    if any(_readable(format_) for format_ in formats):
        return "TooLarge"
    if any(format_.get("protocol") == "file" for format_ in formats):
        return "BadAnswer"
    return "Protected" if any(format_.get("has_drm") for format_ in formats) else "Unsupported"


def _readable(format_: Format) -> bool:
    return format_.get("protocol") in PROTOCOLS and not format_.get("has_drm")


def _ways(usable: Iterable[Format], sound: Format | None) -> Iterator[list[Format]]:
    for format_ in usable:
        if not _has(format_, "vcodec"):
            continue
        yield [format_]
        if sound and not _has(format_, "acodec"):
            yield [format_, sound]


def _cost(way: Sequence[Format], short_side: int) -> tuple[Any, ...]:
    pictures, last = way[0], way[-1]
    pixels, enough = _pixels(pictures), _side(pictures) >= short_side
    segmented = sum(format_["protocol"] in SEGMENTED for format_ in way)
    damaged = any(_preference(format_) <= DAMAGED for format_ in way)
    return (
        not _has(last, "acodec"),
        damaged,
        -_language(last),
        not enough,
        pixels if enough else -pixels,
        segmented,
        len(way),
    )


def _sound(formats: Sequence[Format]) -> Format | None:
    """Of the original language the sound of the lowest bit rate that is enough, else of the highest."""

    def cost(format_: Format) -> tuple[Any, ...]:
        rate = format_.get("abr") or format_.get("tbr") or 0
        enough = rate >= SOUND_KBITS
        damaged = _preference(format_) <= DAMAGED
        return damaged, -_language(format_), not enough, rate if enough else -rate, format_["protocol"] in SEGMENTED

    return min(reversed(formats), key=cost, default=None)


def _has(format_: Format, codec: str) -> bool:
    return format_.get(codec) != "none"


def _language(format_: Format) -> int:
    """How much yt-dlp prefers the language of a format: 10 is the original, -1 a dubbed one or unknown."""
    preference = format_.get("language_preference")
    return -1 if preference is None else preference


def _preference(format_: Format) -> int:
    return format_.get("preference") or 0


def _side(format_: Format) -> int:
    width, height = format_.get("width") or 0, format_.get("height") or 0
    return min(width or height, height or width)


def _pixels(format_: Format) -> int:
    width, height = format_.get("width") or 0, format_.get("height") or 0
    return (width or height) * (height or width)


def _bytes(way: Sequence[Format]) -> int:
    return sum(format_.get("filesize") or format_.get("filesize_approx") or 0 for format_ in way)
