"""A file of the network, on this machine: bounded while it arrives, continued where an earlier attempt ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest.network.client import Network, bounded
from vidal.harvest.network.transport import shown

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


def download(
    network: Network, url: str, folder: Path, max_bytes: int, headers: Mapping[str, str] | None = None
) -> Path:
    """The body of a GET as a file in `folder`; more than `max_bytes` is the error TooLarge, a body that ends before the
    length the site states is the TransientError Incomplete.

    What an earlier attempt left in `folder` is continued where the site still has the same bytes (RFC 9110, sections
    13.1.5 and 14).
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, part, mark = folder / "media", folder / "media.part", folder / "media.etag"
    have, ranged = 0, {}
    if part.exists() and mark.exists():
        have = part.stat().st_size
        ranged = {"Range": f"bytes={have}-", "If-Range": mark.read_text()}
    try:
        with network.open("GET", url, {**(headers or {}), **ranged, "Accept-Encoding": "identity"}) as answer:
            continued, total = _offer(answer, have, ranged.get("If-Range"))
            if not continued:
                _keep_mark(answer, mark)
            with part.open("ab" if continued else "wb") as stream:
                for chunk in bounded(answer, max_bytes - (have if continued else 0)):
                    stream.write(chunk)
    except TransientError as error:
        if error.error_class == "BadAnswer":
            mark.unlink(missing_ok=True)
        raise
    if total is not None and part.stat().st_size != total:
        raise TransientError("Incomplete", f"{shown(url)}: {part.stat().st_size:,} of {total:,} bytes so far")
    part.replace(target)
    return target


class _Offer(NamedTuple):
    """Whether a body continues what is there, and the length of the whole file where a part of it was sent."""

    continued: bool
    total: int | None


def _offer(answer: Any, have: int, tag: str | None) -> _Offer:
    """What is answered to a request for all bytes, or for those from `have` on of the file of this entity tag."""
    if answer.status_code == 200:
        return _Offer(False, None)
    if answer.status_code != 206:
        raise SampleError("BadAnswer", f"HTTP {answer.status_code} from {shown(answer.url)}: no file")
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    same = tag is None or answer.headers.get("ETag", tag) == tag
    if not found or int(found[1]) != have or not same:
        raise TransientError("BadAnswer", f"{shown(answer.url)} answered with another part than was asked for")
    return _Offer(tag is not None, None if found[3] == "*" else int(found[3]))


def _keep_mark(answer: Any, mark: Path) -> None:
    """Remember by what a strong validator tells the file from another one, for a later attempt to continue."""
    tag = answer.headers.get("ETag", "")
    if tag.startswith('"') and "Content-Encoding" not in answer.headers:
        mark.write_text(tag)
    else:
        mark.unlink(missing_ok=True)
