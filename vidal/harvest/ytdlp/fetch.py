"""The media behind a page as one file: what the page tells first, then the download."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Order
from vidal.harvest.ytdlp.facts import facts_of
from vidal.harvest.ytdlp.formats import chosen
from vidal.harvest.ytdlp.session import session


def fetch(network: Network, order: Order, options: Mapping[str, Any] | None = None) -> Fetched:
    """The media of the first clip of a page, in formats of no more pixels than `order` needs.

    Raises Declined where what the page tells breaks a rule, TransientError for network trouble and 429/5xx, SampleError
    for what a retry cannot mend.
    """
    if not order.url.startswith(("http://", "https://")):
        raise SampleError("BadAnswer", f"{order.url[:300]!r} is not the address of a page")
    told: dict[str, Any] = {}

    def admitted(info: Mapping[str, Any], *, incomplete: bool) -> None:
        if not incomplete:
            told.update(facts_of(info))
            order.admit(told)

    def formats(context: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield from chosen(context["formats"], order.kind, order.short_side, order.max_bytes)

    def bounded(progress: Mapping[str, Any]) -> None:
        """Stop at the limit: `max_filesize` holds only where the site states a length."""
        if (progress.get("downloaded_bytes") or 0) > order.max_bytes:
            raise SampleError("TooLarge", f"{order.url}: more than {order.max_bytes:,} bytes")

    asked = {
        "format": formats,
        "outtmpl": str(order.folder / "media-%(autonumber)s"),
        "max_filesize": order.max_bytes,
        "progress_hooks": [bounded],
        "match_filter": admitted,
        "noplaylist": True,
        "playlist_items": "1",
        **(options or {}),
    }
    with session(network, order.url, asked) as downloader:
        info = downloader.extract_info(order.url, download=True)
    files = list(_files(info, order.folder))
    if not files:
        raise SampleError("TooLarge", f"{order.url}: more than {order.max_bytes:,} bytes, or no media was served")
    return Fetched(files[0] if len(files) == 1 else _together(files, order.folder), told)


def _files(info: Mapping[str, Any] | None, folder: Path) -> Iterator[Path]:
    """The files that were written for a clip, or for the first clip of a list."""
    for entry in (info or {}).get("entries") or [info or {}]:
        for download in (entry or {}).get("requested_downloads") or ():
            path = Path(download["filepath"])
            if path.parent == folder and path.is_file():
                yield path


def _together(files: list[Path], folder: Path) -> Path:
    from vidal.media.mux import mux

    return mux(files[0], files[1], folder / "media")
