"""What every request passes on its way out: the address it names, and the gates of its host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest.network.hosts import Hosts

UNAVAILABLE = frozenset({408, 425, 500, 502, 503, 504})
ANY = "any host"
"""What is known of the network as a whole is kept as that of a host of this name."""


def gated(
    inner: Any, hosts: Hosts, enter: Callable[[str], Callable[[], None]], check: Callable[[str, int], object]
) -> Any:
    """A transport that waits for its host's gates, and tells the host's state what came of each request. What a
    redirect says besides its target is not read. `enter` waits for a place at a host and gives what leaves it; `check`
    raises where a host must not be asked."""
    import httpx2 as httpx

    class Body(httpx.SyncByteStream):
        def __init__(self, stream: Any, leave: Any, empty: bool) -> None:
            self._stream, self._leave, self._empty = stream, leave, empty

        def __iter__(self) -> Iterator[bytes]:
            return iter(()) if self._empty else iter(self._stream)

        def close(self) -> None:
            try:
                self._stream.close()
            finally:
                self._leave()

    class Gated(httpx.BaseTransport):
        def handle_request(self, request: Any) -> Any:
            host, port = request.url.host, request.url.port
            if request.url.scheme not in ("http", "https") or not host:
                raise SampleError("BadAnswer", f"{str(request.url)[:300]!r} is not the address of a page or a file")
            check(host, port or 443)
            key = hosts.key(host, port)
            leave = enter(key)
            try:
                answer = inner.handle_request(request)
            except BaseException as error:
                if isinstance(error, httpx.TransportError):
                    hosts.note_failure(key, _line(error))
                leave()
                raise
            self._note(key, answer)
            answer.stream = Body(answer.stream, leave, empty=answer.has_redirect_location)
            return answer

        def close(self) -> None:
            inner.close()

        def _note(self, key: str, answer: Any) -> None:
            status = answer.status_code
            if wait := retry_after(answer.headers.get("Retry-After")) if status in (429, 503) else None:
                hosts.note_pause(key, wait)
            if status == 429 or status in UNAVAILABLE:
                hosts.note_failure(key, f"HTTP {status}")
            else:
                hosts.note_answer(key)
                hosts.note_answer(ANY)

    return Gated()


def retry_after(value: str | None) -> float | None:
    """The seconds a Retry-After header asks for, as a number or as a date (RFC 9110, section 10.2.3)."""
    from email.utils import parsedate_to_datetime

    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
