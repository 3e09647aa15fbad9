"""What yt-dlp says of a clip it cannot give, mapped to a small set of classes, and to whose fault it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vidal.engine.errors import PendingError, SampleError, TransientError
from vidal.harvest.network.client import Network

STATUS = re.compile(r"HTTP Error (\d{3})")
SITE = {
    "BotCheck": ("not a bot", "not a robot", "captcha", "unusual traffic", "ip is likely being blocked",
                 "your ip address is blocked"),
    "RateLimited": ("has been rate-limited",),
}  # fmt: skip
"""What a site says that takes us for a robot or has had enough of us: no other clip of it would fare better."""
PASSING = {
    "Incomplete": ("incomplete data received",),
    "Unavailable": ("needs to be reloaded", "an error occurred. please try again", "something went wrong",
                    "being processed", "processing this video", "unknown error"),
}  # fmt: skip
"""What may be otherwise when it is asked for again."""
PERMANENT = {
    "MembersOnly": ("members-only", "join this channel", "this channel's members", "requires payment",
                    "requires a payment", "requires purchase", "requires a purchase", "premium members",
                    "subscribers only", "only available for registered users", "only available to subscribers"),
    "Private": ("private video", "video is private"),
    "AgeRestricted": ("confirm your age", "age-restricted", "age restricted", "inappropriate for some users",
                      "age verification"),
    "GeoBlocked": ("in your country", "geo restriction", "geo-restricted", "geo restricted", "in your region",
                   "your location"),
    "Live": ("live event", "live stream recording", "premieres in", "premiere will begin", "live streams are not",
             "livestream"),
    "Protected": ("drm protect", "drm-protect", "known to use drm"),
    "Refused": ("not available on this app", "unavailable on this app", "not available on this device",
                "unavailable on this device", "please sign in", "video is restricted"),
    "Removed": ("has been removed", "was removed", "been terminated", "been suspended", "been deleted", "was deleted",
                "closed their", "no longer available", "no longer exists", "does not exist", "isn't available anymore",
                "copyright", "video unavailable", "video is unavailable", "video is not available",
                "video isn't available"),
    "TooLarge": ("larger than max-filesize",),
    "BadAnswer": ("file:// urls are disabled", "unsupported url scheme", "unsafe file extension"),
    "NotMedia": ("did not get any data blocks", "downloaded file is empty"),
}  # fmt: skip
"""Classes of what a later try would not change, each with the words that tell it, in order."""


def reason(message: str) -> str | None:
    """The class of what a message of yt-dlp's says, None where it is a stranger."""
    plain = message.replace("\u2019", "'").casefold()
    classes = (*SITE.items(), *PASSING.items(), *PERMANENT.items())
    return next((name for name, phrases in classes if any(phrase in plain for phrase in phrases)), None)


def classified(network: Network, url: str, error: Exception, met: Sequence[Exception] = ()) -> Exception:
    """The SampleError of a fetch or a search: a TransientError where a later try may succeed, a PendingError where the
    site lets nobody in, which also leaves its host alone for a while. What the network could not do for another reason
    than the site is given as itself.

    `met` is what went wrong on the way, the last of which counts where yt-dlp does not say why; `Unsupported` is what
    nothing explains.
    """
    from yt_dlp.networking.exceptions import HTTPError

    causes = list(_causes(error))
    if known := next((cause for cause in causes if isinstance(cause, SampleError)), None):
        return known
    if ours := next((one for cause in causes for one in getattr(cause, "unexpected_errors", ())), None):
        return ours
    if answer := next((cause for cause in causes if isinstance(cause, HTTPError)), None):
        return network.status_error(answer.status, answer.response.url or url)
    said, line = reason(str(error)), _line(error)
    if said in SITE:
        network.leave_alone(url, line)
        return PendingError(said, f"{url}: {line}")
    if said:
        kind = TransientError if said in PASSING else SampleError
        return kind(said, f"{url}: {line}")
    if match := STATUS.search(str(error)):
        return network.status_error(int(match[1]), url)
    for last in reversed(met):
        return last if isinstance(last, SampleError) else network.status_error(last.status, last.response.url or url)
    return SampleError("Unsupported", f"{url}: {line}")


def _line(error: Exception) -> str:
    lines = str(error).removeprefix("ERROR: ").strip().splitlines()
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
