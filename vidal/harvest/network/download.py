"""A file of the network, on this machine: bounded while it arrives, continued where an earlier attempt ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidal.engine.errors import TransientError
from vidal.harvest.network.client import Network, bounded


def download(
    network: Network, url: str, folder: Path, max_bytes: int, headers: Mapping[str, str] | None = None
) -> Path:
    """The body of a GET as a file in `folder`; more than `max_bytes` is the error TooLarge.

    What an earlier attempt left in `folder` is continued where the site still has the same bytes (RFC 9110, sections
    13.1.5 and 14).
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, part, mark = folder / "media", folder / "media.part", folder / "media.etag"
    have, ranged = 0, {}
    if part.exists() and mark.exists():
        have = part.stat().st_size
        ranged = {"Range": f"bytes={have}-", "If-Range": mark.read_text()}
    mark.unlink(missing_ok=True)
    with network.open("GET", url, {**(headers or {}), **ranged, "Accept-Encoding": "identity"}) as answer:
        continued = answer.status_code == 206
        if continued and _first_byte(answer) != have:
            raise TransientError("BadAnswer", f"{url} answered with another part of the file than was asked for")
        _keep_mark(answer, mark)
        with part.open("ab" if continued else "wb") as stream:
            for chunk in bounded(answer, max_bytes - (have if continued else 0)):
                stream.write(chunk)
    part.replace(target)
    return target


def _first_byte(answer: Any) -> int | None:
    stated = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(stated) if stated.isascii() and stated.isdigit() else None


def _keep_mark(answer: Any, mark: Path) -> None:
    """Remember by what a strong validator tells the file from another one, for a later attempt to continue."""
    tag = answer.headers.get("ETag", "")
    if tag.startswith('"'):
        mark.write_text(tag)
    else:
        mark.unlink(missing_ok=True)
