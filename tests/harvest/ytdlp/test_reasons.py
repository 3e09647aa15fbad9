"""Messages as yt-dlp hands them on: those of YouTube's player, and those of its own."""

from __future__ import annotations

import pytest
from yt_dlp.networking.common import Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError

from vidal.engine.errors import PendingError, SampleError, TransientError
from vidal.harvest.ytdlp.reasons import classified, reason

HINT = (
    ". Use --cookies-from-browser or --cookies for the authentication. See  "
    "https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to manually pass cookies. "
    "Also see  https://github.com/yt-dlp/yt-dlp/wiki/Extractors#exporting-youtube-cookies  for tips on effectively "
    "exporting YouTube cookies"
)

MESSAGES = [
    ("Private", "[youtube] x: Private video. Sign in if you've been granted access to this video" + HINT),
    ("Private", "[youtube] x: Video unavailable. This video is private"),
    ("Private", "[youtube] x: This video is private"),
    ("Removed", "[youtube] x: Video unavailable"),
    ("Removed", "[youtube] x: This video is unavailable"),
    ("Removed", "[youtube] x: Video unavailable. This video is not available"),
    ("Removed", "[youtube] x: Video unavailable. This video has been removed by the uploader"),
    ("Removed", "[youtube] x: This video has been removed for violating YouTube's Terms of Service"),
    ("Removed", "[youtube] x: Video unavailable. This video isn\u2019t available anymore"),
    (
        "Removed",
        "[youtube] x: Video unavailable. This video is no longer available because the YouTube account associated with "
        "this video has been terminated.",
    ),
    ("Removed", "[youtube] x: This video is no longer available due to a copyright claim by Somebody Ltd."),
    ("Removed", "[youtube] x: Video unavailable. The uploader has closed their YouTube account"),
    ("Removed", "[youtube] x: This video contains content from Somebody, who has blocked it on copyright grounds"),
    ("GeoBlocked", "[youtube] x: The uploader has not made this video available in your country"),
    (
        "GeoBlocked",
        "[youtube] x: Video unavailable. This video contains content from Somebody, who has blocked it in your country "
        "on copyright grounds",
    ),
    ("GeoBlocked", "[generic] x: This video is not available from your location due to geo restriction"),
    (
        "MembersOnly",
        "[youtube] x: Join this channel to get access to members-only content like this video, and other exclusive "
        "perks.",
    ),
    (
        "MembersOnly",
        "[youtube] x: This video is available to this channel's members on level: Fan (or any higher level). Join this "
        "channel to get access to members-only content and other exclusive perks.",
    ),
    ("MembersOnly", "[youtube] x: This video is available to this channel\u2019s members on level: Fan"),
    ("Removed", "[youtube] x: This video isn\u2019t available anymore"),
    ("MembersOnly", "[youtube] x: This video requires payment to watch"),
    ("MembersOnly", "[youtube] x: This video is only available to Music Premium members"),
    ("MembersOnly", "[site] x: This video is only available for registered users. Use --cookies"),
    (
        "AgeRestricted",
        "[youtube] x: Sign in to confirm your age. This video may be inappropriate for some users" + HINT,
    ),
    ("AgeRestricted", "[youtube] x: This video is age-restricted and only available on YouTube. Learn more"),
    ("AgeRestricted", "[youtube] x: This video may be inappropriate for some users."),
    ("Live", "[youtube] x: This live event will begin in 3 hours."),
    ("Live", "[youtube] x: This live event has ended."),
    ("Live", "[youtube] x: Premieres in 2 hours"),
    ("Live", "[youtube] x: Premiere will begin shortly"),
    ("Live", "[youtube] x: This live stream recording is not available."),
    ("Protected", "[youtube] x: This video is DRM protected"),
    ("Protected", "[DRM] The requested site is known to use DRM protection. It will NOT be supported."),
    (
        "Refused",
        "[youtube] x: The following content is not available on this app. Watch on the latest version of YouTube.",
    ),
    ("Refused", "[youtube] x: Please sign in" + HINT),
    ("Unavailable", "[youtube] x: The page needs to be reloaded."),
    ("Unavailable", "[youtube] x: An error occurred. Please try again later."),
    ("Unavailable", "[youtube] x: We're processing this video. Check back later."),
    ("Incomplete", '[youtube:search] query "x" page 1: Incomplete data received'),
    ("BotCheck", "[youtube] x: Sign in to confirm you\u2019re not a bot" + HINT),
    ("BotCheck", "[youtube] x: Sign in to confirm you're not a bot" + HINT),
    ("BotCheck", "[youtube] x: Video unavailable. YouTube is requiring a captcha challenge before playback"),
    ("BotCheck", "[youtube] x: All player responses are invalid. Your IP is likely being blocked by Youtube"),
    (
        "RateLimited",
        "[youtube] x: Video unavailable. This content isn't available, try again later. The current session has been "
        "rate-limited by YouTube for up to an hour. It is recommended to use `-t sleep` to add a delay between video "
        "requests to avoid exceeding the rate limit.",
    ),
    ("NotMedia", "The downloaded file is empty"),
    ("NotMedia", "\r[download] Got error: Did not get any data blocks"),
    (
        None,
        "[youtube] x: No video formats found!; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues",
    ),
    (None, "[youtube] x: Requested format is not available. Use --list-formats for a list of available formats"),
    (None, "Unsupported URL: http://127.0.0.1/page"),
    (None, ""),
]


@pytest.mark.parametrize(("error_class", "message"), MESSAGES)
def test_what_messages_mean(error_class, message):
    assert reason(message) == error_class
    assert reason(f"ERROR: {message}".upper()) == error_class


@pytest.fixture
def told(network, site):
    """The error for a message about a page of a site that answers."""
    site.answers["/"] = (200, {}, b"")
    asker = network(patience=0.0)

    def tell(error, met=()):
        with asker.attempt():
            return classified(asker, f"{site.url}/watch", error, met)

    tell.network = asker
    return tell


@pytest.mark.parametrize(("error_class", "message"), MESSAGES)
def test_whose_fault_it_is(told, site, error_class, message):
    error = told(DownloadError(f"ERROR: {message}", (ExtractorError, ExtractorError(message, expected=True), None)))
    assert error.error_class == error_class or (error_class is None and error.error_class == "Unsupported")
    assert "\n" not in str(error) and "ERROR:" not in str(error) and site.url in str(error)
    site_wide = error_class in ("BotCheck", "RateLimited")
    assert isinstance(error, PendingError) == site_wide
    assert isinstance(error, TransientError) == (site_wide or error_class in ("Unavailable", "Incomplete"))
    if site_wide:
        with pytest.raises(PendingError) as closed:
            told.network.send("GET", f"{site.url}/another")
        assert closed.value.error_class == "HostClosed"
    else:
        assert told.network.send("GET", f"{site.url}/").status_code == 200


def _answer(status, url="http://127.0.0.1/media"):
    import io

    return HTTPError(Response(io.BytesIO(b""), url, {}, status))


@pytest.mark.parametrize(
    ("status", "error_class", "transient"),
    [
        (403, "Refused", False), (404, "NotFound", False), (410, "NotFound", False), (418, "HttpError", False),
        (429, "RateLimited", True), (451, "GeoBlocked", False), (500, "Unavailable", True), (503, "Unavailable", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["cause", "said", "met"])
def test_statuses_are_the_networks_to_judge(told, site, status, error_class, transient, way):
    answer = _answer(status, f"{site.url}/media")
    error = {
        "cause": DownloadError("ERROR: x", (ExtractorError, ExtractorError("x", cause=answer), None)),
        "said": DownloadError(f"ERROR: unable to download video data: HTTP Error {status}: Whatever"),
        "met": DownloadError("ERROR: [youtube] x: Failed to extract any player response"),
    }[way]
    found = told(error, [answer] if way == "met" else [])
    assert found.error_class == error_class
    assert isinstance(found, TransientError) == transient


def test_what_the_network_met_comes_out_as_itself(told):
    mine = TransientError("Timeout", "late", pending=True)
    lost = DownloadError("ERROR: x", (ExtractorError, ExtractorError("x", cause=TransportError(cause=mine)), None))
    assert told(lost) is mine
    assert told(DownloadError("ERROR: [download] Got error: late"), [SampleError("NotFound", "x"), mine]) is mine
    assert told(DownloadError("ERROR: [youtube] x: Private video"), [mine]).error_class == "Private"


def test_errors_of_yt_dlps_own_classes(told):
    assert told(
        GeoRestrictedError("This video is not available from your location due to geo restriction")
    ).error_class == ("GeoBlocked")
    assert told(UnsupportedError("http://x/y")).error_class == "Unsupported"


def test_an_error_that_leads_back_to_itself_ends(told):
    error = DownloadError("ERROR: round and round")
    error.exc_info = (DownloadError, error, None)
    assert told(error).error_class == "Unsupported"
