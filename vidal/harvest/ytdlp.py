"""Downloading a page's media with yt-dlp, as a library, with its messages mapped to error classes."""

from __future__ import annotations

import re
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

    options: dict[str, Any] = {
        "format": FORMAT,
        "outtmpl": str(folder / "media.%(ext)s"),
        "max_filesize": max_bytes,
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
        raise _classified(url, str(error)) from error
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith((".part", ".ytdl"))]
    if not files:
        raise SampleError("TooLarge", f"{url}: more than {max_bytes} bytes, or no media was served")
    return files[0]


def _classified(url: str, message: str) -> SampleError:
    if match := STATUS.search(message):
        return status_error(int(match[1]), url)
    for text, error_class in PERMANENT.items():
        if text.casefold() in message.casefold():
            return SampleError(error_class, f"{url}: {text}")
    if "timed out" in message.casefold():
        return TransientError("Timeout", f"{url} did not answer in time")
    line = message.removeprefix("ERROR: ").strip().splitlines()[0][:300]
    return TransientError("Network", f"{url}: {line}")
