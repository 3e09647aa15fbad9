"""What a demo site answers: values, and nothing about sockets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One HTTP request: `query` holds the last value of each parameter, header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """One HTTP response, whole in memory.

    `pace` is the pause in seconds after each of the `pieces` of the body; `stall_after` the number of leading bytes of
    the resource that are ever sent before the connection hangs. `length` is the length that is stated, where it is not
    the body's: the connection ends after the body. An `endless` body is sent again and again, without a length.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pace: float = 0.0
    stall_after: int | None = None
    pieces: int = 12
    length: int | None = None
    endless: bool = False


def json_reply(status: int, value: Any, headers: dict[str, str] | None = None) -> Reply:
    """A JSON body in ASCII, so that any character of a title survives."""
    body = json.dumps(value).encode()
    return Reply(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


def whole_number(text: str | None, default: int, least: int, most: int) -> int | None:
    """A query parameter as an integer: `default` where it is absent, None where it is no number from least to most."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return int(text) if least <= int(text) <= most else None
