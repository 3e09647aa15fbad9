"""Byte ranges of requests (RFC 9110, section 14)."""

from __future__ import annotations

import re

ONE = re.compile(r"bytes=[ \t]*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))[ \t]*", re.ASCII | re.IGNORECASE)


def wanted(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes asked for of `size`, from the first to before the last; all where the header is absent, malformed or
    names several ranges, as a server may answer. None where the one range named lies outside (416)."""
    match = ONE.fullmatch(header or "")
    if not match:
        return 0, size
    first, last, suffix = match.groups()
    if suffix is not None:
        return (max(0, size - int(suffix)), size) if int(suffix) and size else None
    if last is not None and int(last) < int(first):
        return 0, size
    if int(first) >= size:
        return None
    return int(first), size if last is None else min(size, int(last) + 1)
