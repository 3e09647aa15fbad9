"""The media behind a page as one file: what the page tells first, then the download."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Fetched, Order
from vidal.harvest.ytdlp.facts import facts_of
from vidal.harvest.ytdlp.formats import chosen, none_chosen
from vidal.harvest.ytdlp.parts import NAME, Parts
from vidal.harvest.ytdlp.session import session


def fetch(network: Network, order: Order, options: Mapping[str, Any] | None = None) -> Fetched:
    """The media of the first clip of a page, in formats of no more pixels than `order` needs.

    Raises Declined where what the page tells breaks a rule, TransientError for network trouble and 429/5xx, SampleError
    for what a retry cannot mend.
    """
    if not order.url.startswith(("http://", "https://")):
        raise SampleError("BadAnswer", f"{order.url[:300]!r} is not the address of a page")
    parts = Parts(order.folder)
    told: dict[str, Any] = {}
    placed: list[Mapping[str, Any]] = []
    received: dict[str, int] = {}

    def admitted(info: Mapping[str, Any], *, incomplete: Any) -> None:
        """Asked first of entries of a list (`incomplete` is True), then of a clip before its formats are chosen."""
        if incomplete is not True and not told:
            told.update(facts_of(info))
            order.admit(told)

    def formats(context: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        offered = context["formats"]
        placed.extend(map(parts.placed, chosen(offered, order.kind, order.short_side, order.max_bytes)))
        if not placed:
            raise SampleError(none_chosen(offered), f"{order.url}: none of {len(offered)} formats can be fetched")
        yield from placed

    def bounded(progress: Mapping[str, Any]) -> None:
        """Stop at the limit: `max_filesize` holds only where the site states a length."""
        received[progress["filename"]] = progress.get("downloaded_bytes") or 0
        if sum(received.values()) > order.max_bytes:
            raise _too_large(order)

    asked = {
        "format": formats,
        "paths": {"home": str(order.folder)},
        "outtmpl": f"%({NAME})s",
        "max_filesize": order.max_bytes,
        "progress_hooks": [bounded],
        "match_filter": admitted,
        "noplaylist": True,
        "playlist_items": "1",
        **(options or {}),
    }
    with session(network, order.url, asked, parts) as downloader:
        downloader.extract_info(order.url, download=True)
    if not placed:
        raise SampleError("Unsupported", f"{order.url}: a page without a clip")
    files = [order.folder / format_[NAME] for format_ in placed]
    if not all(file.is_file() for file in files):
        raise _too_large(order)
    return Fetched(parts.finished(_together(files, order)), told)


def _too_large(order: Order) -> SampleError:
    return SampleError("TooLarge", f"{order.url}: more than {order.max_bytes:,} bytes")


def _together(files: Sequence[Path], order: Order) -> Path:
    if len(files) == 1:
        return files[0]
    from vidal.media.mux import mux

    return mux(*files, order.folder / "both", order.max_bytes)
