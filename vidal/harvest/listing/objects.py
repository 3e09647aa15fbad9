"""One JSON object too large for memory, member by member, at the speed of Python's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from json import JSONDecoder
from typing import Any, NamedTuple

MEMBER_BYTES = 16 << 20
"""Largest member of an object; what seems larger is damage, such as a quote that is never closed."""
_DECODER = JSONDecoder(strict=False)
_BEFORE, _BETWEEN, _AFTER = re.compile(r"\s*([{,])\s*"), re.compile(r"\s*:\s*"), re.compile(r"\s*[,}]")
_END = re.compile(r"\s*(?:\{\s*)?\}\s*\Z")


class DamageError(Exception):
    """The content is no JSON object as it should be, at the byte `at`."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class Member(NamedTuple):
    """A member of an object, and the bytes it spans from its key to the end of its value."""

    start: int
    stop: int
    content: bytes
    name: str
    value: Any


def members(chunks: Iterable[bytes]) -> Iterator[Member]:
    """The members of the object in a stream of bytes, in order, also where several have one name. Raises DamageError.

    The bytes are parsed as if each were a character: places are bytes, and texts beyond ASCII are to be read again from
    the bytes of their member, by `read`.
    """
    text, at, passed, place = "", 0, 0, 0
    for chunk in chunks:
        text, at, passed = text[at:] + chunk.decode("latin-1"), 0, passed + at
        while found := _member(text, at, passed + at == 0):
            at, start, name, value = found
            yield Member(passed + start, passed + at, text[start:at].encode("latin-1"), name, value)
        place = passed + at
        if len(text) - at > MEMBER_BYTES:
            raise DamageError(place, f"no member of an object in {MEMBER_BYTES:,} bytes")
    if not (_END.match(text, at) and (place or text.lstrip().startswith("{"))):
        raise DamageError(place, "not a JSON object, or one that ends too early")


def read(content: bytes) -> Iterator[tuple[str, Any]]:
    """The names and values of the members in the bytes from the start of one member to the end of another. Bytes that
    are not UTF-8 become U+FFFD. Raises DamageError where there is something else."""
    text, at = f"{{{content.decode('utf-8', 'replace')}}}", 0
    while found := _member(text, at, at == 0):
        at = found[0]
        yield found[2], found[3]
    if not _END.match(text, at):
        raise DamageError(at, "not the members of an object")


def _member(text: str, at: int, first: bool) -> tuple[int, int, str, Any] | None:
    """The end, the start, the name and the value of the member at a place; None where the text ends before it does."""
    before = _BEFORE.match(text, at)
    if not before or (before[1] == "{") is not first:
        return None
    try:
        name, end = _DECODER.raw_decode(text, before.end())
        between = _BETWEEN.match(text, end)
        if not between or not isinstance(name, str):
            return None
        value, end = _DECODER.raw_decode(text, between.end())
    except (ValueError, RecursionError):
        return None
    return (end, before.end(), name, value) if _AFTER.match(text, end) else None
