"""HTTP as the harvest needs it: bounded answers, and errors told apart by whether to try again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from vidal.engine.errors import SampleError, TransientError

TIMEOUT = 20.0
"""Seconds allowed to connect, and between two reads."""
ANSWER_BYTES = 16 * 2**20
CLASSES = {401: "Refused", 403: "Refused", 404: "NotFound", 410: "NotFound", 451: "Refused"}
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


def status_error(status: int, url: str, retry_after: str | None = None) -> SampleError:
    """The error behind an HTTP status: TransientError where a later try may succeed."""
    if status == 429:
        return TransientError("RateLimited", f"HTTP 429 from {url}", _seconds(retry_after))
    if status in TRANSIENT:
        return TransientError("Unavailable", f"HTTP {status} from {url}", _seconds(retry_after))
    return SampleError(CLASSES.get(status, "HttpError"), f"HTTP {status} from {url}")


def get_json(url: str, parameters: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """The JSON answer to a GET. Secrets go into `headers`, never into the URL, which error messages name."""
    import json

    content = b"".join(_stream(url, parameters, headers, ANSWER_BYTES))
    try:
        return json.loads(content)
    except ValueError as error:
        raise SampleError("BadAnswer", f"{url} did not answer in JSON") from error


def download(url: str, target: Path, limit: int, timeout: float) -> Path:
    """Write the body of a GET to `target`; more than `limit` bytes is the error TooLarge."""
    with target.open("wb") as stream:
        for chunk in _stream(url, {}, None, limit, timeout):
            stream.write(chunk)
    return target


def _stream(
    url: str, parameters: dict[str, Any], headers: dict[str, str] | None, limit: int, timeout: float = TIMEOUT
) -> Iterator[bytes]:
    import httpx2 as httpx

    try:
        with _client().stream("GET", url, params=parameters, headers=headers, timeout=timeout) as answer:
            if answer.status_code >= 400:
                raise status_error(answer.status_code, url, answer.headers.get("Retry-After"))
            size = 0
            for chunk in answer.iter_bytes():
                size += len(chunk)
                if size > limit:
                    raise SampleError("TooLarge", f"{url} is larger than {limit} bytes")
                yield chunk
    except httpx.TimeoutException as error:
        raise TransientError("Timeout", f"{url} did not answer in {timeout:g} s") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise SampleError("BadAnswer", f"{str(url)[:300]!r}: {error}") from error
    except httpx.HTTPError as error:
        raise TransientError("Network", f"{url}: {error}") from error


@cache
def _client() -> Any:
    """One client per process: it keeps connections, and the TLS context that is costly to make."""
    import httpx2 as httpx

    return httpx.Client(follow_redirects=True)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
