"""A yt-dlp session of ours: silent, without cache, programs, plugins or settings, over the harvest's network."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from vidal.harvest.network.client import Network
from vidal.harvest.ytdlp.handler import handler_of
from vidal.harvest.ytdlp.parts import Parts
from vidal.harvest.ytdlp.programs import no_programs
from vidal.harvest.ytdlp.reasons import classified

OPTIONS: dict[str, Any] = {
    "retries": 0,
    "fragment_retries": 0,
    "extractor_retries": 0,
    "file_access_retries": 0,
    "skip_unavailable_fragments": False,
    "quiet": True,
    "noprogress": True,
    "no_warnings": True,
    "cachedir": False,
    "enable_file_urls": False,
    "hls_prefer_native": True,
    "ffmpeg_location": "",
    "js_runtimes": {},
    "fixup": "never",
    "writethumbnail": False,
    "updatetime": False,
    "proxy": "",
    "allowed_extractors": ["default"],
}
"""Trying again is the engine's, proxies are the network's; a clip with a segment missing is none. yt-dlp looks for no
ffmpeg (`ffmpeg_location` is nowhere) and for no JavaScript runtime."""


class _Silent:
    """yt-dlp's logger: nothing is printed; errors come as exceptions."""

    def debug(self, message: str) -> None:
        return

    def warning(self, message: str) -> None:
        return

    def error(self, message: str) -> None:
        return


@contextmanager
def session(network: Network, url: str, options: Mapping[str, Any], parts: Parts | None = None) -> Iterator[Any]:
    """A YoutubeDL for `url`; its errors leave the block as TransientError or SampleError. No file of the user's decides
    what it does, and cookies are read, never written."""
    import yt_dlp
    from yt_dlp.globals import plugin_dirs

    plugin_dirs.value = []
    met: list[Exception] = []

    class Session(yt_dlp.YoutubeDL):
        def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
            return super().build_request_director([handler_of(network, met, parts)], None)

    cookies = {"cookiefile": io.StringIO(network.cookies.read_text())} if network.cookies else {}
    try:
        with no_programs(), Session({**OPTIONS, **cookies, "logger": _Silent(), **options}) as downloader:
            yield downloader
    except yt_dlp.utils.YoutubeDLError as error:
        raise classified(network, url, error, met) from error
