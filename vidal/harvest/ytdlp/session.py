"""A yt-dlp session of ours: silent, without cache, programs or plugins, over the harvest's network."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest.network.client import Network
from vidal.harvest.ytdlp.handler import handler_of
from vidal.harvest.ytdlp.reasons import classified

OPTIONS: dict[str, Any] = {
    "retries": 0,
    "fragment_retries": 0,
    "extractor_retries": 0,
    "file_access_retries": 0,
    "quiet": True,
    "noprogress": True,
    "no_warnings": True,
    "cachedir": False,
    "enable_file_urls": False,
    "hls_prefer_native": True,
    "ffmpeg_location": os.devnull,
    "fixup": "never",
    "writethumbnail": False,
    "updatetime": False,
    "proxy": "",
    "allowed_extractors": ["default"],
}
"""Trying again is the engine's, proxies are the network's; yt-dlp starts no program (`ffmpeg_location` is none)."""


class _Silent:
    """yt-dlp's logger: nothing is printed; errors come as exceptions."""

    def debug(self, message: str) -> None:
        return

    def warning(self, message: str) -> None:
        return

    def error(self, message: str) -> None:
        return


@contextmanager
def session(network: Network, url: str, options: Mapping[str, Any]) -> Iterator[Any]:
    """A YoutubeDL for `url`; its errors leave the block as TransientError or SampleError."""
    import yt_dlp

    met: list[SampleError] = []

    class Session(yt_dlp.YoutubeDL):
        def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
            return super().build_request_director([handler_of(network, met)], None)

    cookies = {"cookiefile": io.StringIO(network.cookies.read_text())} if network.cookies else {}
    try:
        with Session({**OPTIONS, **cookies, "logger": _Silent(), **options}) as downloader:
            yield downloader
    except yt_dlp.utils.YoutubeDLError as error:
        raise classified(network, url, error, met) from error
