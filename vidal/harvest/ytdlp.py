"""Downloading a page's media with yt-dlp, as a library, with its messages mapped to error classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest.http import status_error

FORMAT = "best[height<=720][width<=1280]/best"
STATUS = re.compile(r"HTTP Error (\d{3})")
PERMANENT = {
    "Unsupported URL": "NotMedia",
    "No video formats": "NotMedia",
    "downloaded file is empty": "NotMedia",
    "Did not get any data blocks": "NotMedia",
    "Private video": "Private",
    "Video unavailable": "NotFound",
    "Sign in to confirm your age": "AgeRestricted",
    "not available in your country": "GeoBlocked",
    "larger than max-filesize": "TooLarge",
    "file:// URLs are disabled": "BadAnswer",
    "No connection adapters": "BadAnswer",
}


class _Silent:
    """yt-dlp's logger: nothing is printed; errors come as exceptions."""

    def debug(self, message: str) -> None:
        return

    def warning(self, message: str) -> None:
        return

    def error(self, message: str) -> None:
        return


def fetch(url: str, folder: Path, max_bytes: int, timeout: float) -> Path:
    """The best media of at most 720p behind a page, as one file in `folder` named by us.

    Raises TransientError for network trouble and 429/5xx, SampleError for what a retry cannot mend.
    """
    import yt_dlp

    if not url.startswith(("http://", "https://")):
        raise SampleError("BadAnswer", f"{url[:300]!r} is not the address of a page")

    def bounded(progress: dict[str, Any]) -> None:
        """Stop at the limit: `max_filesize` holds only where the site states a length."""
        if (progress.get("downloaded_bytes") or 0) > max_bytes:
            raise SampleError("TooLarge", f"{url}: more than {max_bytes} bytes")

    options: dict[str, Any] = {
        "format": FORMAT,
        "outtmpl": str(folder / "media.%(ext)s"),
        "max_filesize": max_bytes,
        "progress_hooks": [bounded],
        "socket_timeout": timeout,
        "retries": 0,
        "fragment_retries": 0,
        "extractor_retries": 0,
        "file_access_retries": 0,
        "noplaylist": True,
        "quiet": True,
        "noprogress": True,
        "no_warnings": True,
        "logger": _Silent(),
        "cachedir": False,
        "enable_file_urls": False,
        "hls_prefer_native": True,
        "fixup": "never",
        "writethumbnail": False,
        "updatetime": False,
        "allowed_extractors": ["default"],
    }
    try:
        with yt_dlp.YoutubeDL(options) as downloader:
            downloader.extract_info(url, download=True)
    except yt_dlp.utils.YoutubeDLError as error:
        raise _classified(url, error) from error
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith((".part", ".ytdl"))]
    if not files:
        raise SampleError("TooLarge", f"{url}: more than {max_bytes} bytes, or no media was served")
    return files[0]


def _classified(url: str, error: Exception) -> SampleError:
    from yt_dlp.networking.exceptions import HTTPError

    message = str(error)
    answer = next((cause for cause in _causes(error) if isinstance(cause, HTTPError)), None)
    if answer is not None:
        return status_error(answer.status, url, answer.response.get_header("Retry-After"))
    if match := STATUS.search(message):
        return status_error(int(match[1]), url)
    for text, error_class in PERMANENT.items():
        if text.casefold() in message.casefold():
            return SampleError(error_class, f"{url}: {text}")
    if "timed out" in message.casefold():
        return TransientError("Timeout", f"{url} did not answer in time")
    line = message.removeprefix("ERROR: ").strip().splitlines()[0][:300]
    return TransientError("Network", f"{url}: {line}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error of yt-dlp and those behind it, which it hands on in `exc_info`."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        handed = getattr(error, "exc_info", None)
        error = (handed[1] if handed else None) or error.__cause__ or error.__context__
