"""What yt-dlp says of a clip it cannot give, mapped to a small set of classes, and to whose fault it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vidal.engine.errors import PendingError, SampleError, TransientError
from vidal.harvest.network.client import Network

STATUS = re.compile(r"HTTP Error (\d{3})")
BOT_CHECKS = (
    "confirm you're not a bot",
    "not a robot",
    "session has been rate-limited",
    "unusual traffic",
    "captcha",
)
"""A site that says so takes us for a robot: no other clip of it would fare better."""
PERMANENT = {
    "Private": ("private video", "video is private", "is private"),
    "MembersOnly": ("members-only", "join this channel", "available to this channel's members", "requires payment",
                    "requires purchase", "subscribers only", "premium members"),
    "AgeRestricted": ("confirm your age", "age-restricted", "inappropriate for some users", "age restricted"),
    "GeoBlocked": ("in your country", "geo restriction", "geo-restricted", "in your region", "your location"),
    "Removed": ("has been removed", "has been terminated", "no longer available", "been deleted", "was deleted",
                "video unavailable", "does not exist", "copyright"),
    "Live": ("live event will begin", "premieres in", "is live", "live stream"),
    "Protected": ("drm protect", "drm-protect", "known to use drm"),
    "TooLarge": ("larger than max-filesize",),
    "BadAnswer": ("file:// urls are disabled", "no connection adapters", "unsupported url scheme",
                  "unsafe file extension"),
    "Unsupported": ("unsupported url", "no video formats", "requested format is not available",
                    "no suitable format"),
    "NotMedia": ("did not get any data blocks", "downloaded file is empty"),
}  # fmt: skip
"""Classes of what a later try would not change, each with the words that tell it, in order."""


@dataclass(frozen=True)
class Said:
    """What a message of yt-dlp's means: a class, and whether it is the site's rather than the clip's."""

    error_class: str
    site: bool = False


def reason(message: str) -> Said | None:
    """The meaning of a message, None where it is a stranger."""
    plain = message.replace("\u2019", "'").casefold()
    if any(words in plain for words in BOT_CHECKS):
        return Said("BotCheck", site=True)
    for error_class, all_words in PERMANENT.items():
        if any(words in plain for words in all_words):
            return Said(error_class)
    return None


def classified(network: Network, url: str, error: Exception, met: Sequence[SampleError] = ()) -> SampleError:
    """The error of a fetch or a search: TransientError where a later try may succeed, PendingError where the site asks
    nobody in, which also leaves its host alone for a while. `met` is what the network met on the way."""
    from yt_dlp.networking.exceptions import HTTPError

    causes = list(_causes(error))
    if known := next((cause for cause in causes if isinstance(cause, SampleError)), None):
        return known
    message = str(error)
    said = reason(message)
    if said and said.site:
        network.leave_alone(url, _line(message))
        return PendingError("BotCheck", f"{url}: {_line(message)}")
    if answer := next((cause for cause in causes if isinstance(cause, HTTPError)), None):
        if answer.redirect_loop:
            return SampleError("RedirectLoop", f"{url}: {_line(message)}")
        return network.status_error(answer.status, answer.response.url or url)
    if said:
        return SampleError(said.error_class, f"{url}: {_line(message)}")
    if match := STATUS.search(message):
        return network.status_error(int(match[1]), url)
    if met:
        return met[-1]
    return TransientError("Network", f"{url}: {_line(message)}", pending=not network.alive(url))


def _line(message: str) -> str:
    lines = message.removeprefix("ERROR: ").strip().splitlines()
    return lines[0][:300] if lines else "no reason given"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error of yt-dlp and those behind it, which it hands on in `exc_info` and `cause`."""
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        handed = getattr(current, "exc_info", None)
        waiting += [handed[1] if handed else None, getattr(current, "cause", None)]
        waiting += [*getattr(current, "unexpected_errors", ()), current.__cause__, current.__context__]
