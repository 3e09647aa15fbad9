"""What every request passes on its way out: the address it names, and the gates of its host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest.network.hosts import Hosts

ANY = "any host"
"""What is known of the network as a whole is kept as that of a host of this name."""
ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Content codings that are read: each expands at most a thousandfold, so that no answer fills the memory at once."""


def unavailable(status: int) -> bool:
    """Whether a status says that the host cannot serve now; 501 and 505 speak of the request."""
    return status in (408, 425) or (status >= 500 and status not in (501, 505))


class Reading:
    """The answer that each thread is reading: one at a time. What is left unread when the thread asks for something
    else would hold its place at its host, which the thread itself might then wait for."""

    def __init__(self) -> None:
        self._thread = threading.local()

    def begin(self, body: Any) -> None:
        self._thread.body = body

    def end(self) -> None:
        """Give up what the thread has not read to the end."""
        body, self._thread.body = getattr(self._thread, "body", None), None
        if body is not None:
            body.close()


def gated(
    inner: Any,
    hosts: Hosts,
    reading: Reading,
    enter: Callable[[str], Callable[[], None]],
    check: Callable[[str, int], object],
) -> Any:
    """A transport that waits for its host's gates, and tells the host's state what came of each request. What a
    redirect says besides its target is not read. `enter` waits for a place at a host and gives what leaves it; `check`
    raises where a host must not be asked."""
    import httpx2 as httpx

    class Body(httpx.SyncByteStream):
        def __init__(self, stream: Any, leave: Callable[[], None], empty: bool) -> None:
            self._stream, self._leave, self._empty = stream, leave, empty
            self._closed = False

        def __iter__(self) -> Iterator[bytes]:
            try:
                for chunk in () if self._empty else self._stream:
                    yield chunk
                    if self._closed:
                        raise httpx.ReadError("something else was asked for before the answer was read")
            finally:
                self.close()

        def close(self) -> None:
            if self._closed:
                return
            self._closed = True
            try:
                self._stream.close()
            finally:
                self._leave()

    class Gated(httpx.BaseTransport):
        def handle_request(self, request: Any) -> Any:
            reading.end()
            host, port = request.url.host, request.url.port
            if request.url.scheme not in ("http", "https") or not host:
                raise SampleError("BadAnswer", f"{shown(request.url)!r} is not the address of a page or a file")
            check(request.url.raw_host.decode("ascii"), port or 443)
            key = hosts.key(host, port)
            leave = enter(key)
            try:
                answer = inner.handle_request(request)
            except BaseException as error:
                if isinstance(error, httpx.TransportError) and not isinstance(error, httpx.LocalProtocolError):
                    hosts.note_failure(key, _line(error))
                leave()
                raise
            answer.stream = Body(answer.stream, leave, empty=answer.has_redirect_location)
            reading.begin(answer.stream)
            self._note(key, answer)
            if answer.headers.get("Content-Encoding", "").strip().lower() not in ENCODINGS:
                reading.end()
                raise SampleError("BadAnswer", f"{shown(request.url)} answered in a coding that was not asked for")
            return answer

        def close(self) -> None:
            inner.close()

        def _note(self, key: str, answer: Any) -> None:
            status = answer.status_code
            if wait := retry_after(answer.headers.get("Retry-After")) if status in (429, 503) else None:
                hosts.note_pause(key, wait)
            if status == 429 or unavailable(status):
                hosts.note_failure(key, f"HTTP {status}")
            else:
                hosts.note_answer(key)
                hosts.note_answer(ANY)

    return Gated()


def shown(url: Any) -> str:
    """An address as messages name it: without user, query and fragment, which may hold secrets."""
    import httpx2 as httpx

    try:
        place = httpx.URL(str(url))
        return str(place.copy_with(userinfo=b"", query=None, fragment=None))[:300]
    except httpx.InvalidURL:
        return str(url).partition("?")[0].rpartition("@")[2][:300]


def retry_after(value: str | None) -> float | None:
    """The seconds a Retry-After header asks for, as a number or as a date (RFC 9110, section 10.2.3)."""
    from email.utils import parsedate_to_datetime

    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
