"""The harvest's network as the only way in which yt-dlp reaches other machines."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import Any

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest.network.client import REDIRECTS, Network, bounded
from vidal.harvest.network.transport import shown
from vidal.harvest.ytdlp.parts import Parts

ANSWER_BYTES = 1 << 40
"""Answers are bounded by the attempt's budget alone: one may be the media."""
DECIDED_HERE = ("cookiejar", "timeout", "legacy_ssl", "keep_header_casing", "impersonate")
"""What yt-dlp may ask of a request besides: cookies are seen to here, the rest is the network's."""


def handler_of(network: Network, met: list[Exception], parts: Parts | None = None) -> type:
    """A request handler of yt-dlp's that sends everything through `network`.

    What goes wrong in the network is handed on as the cause of a TransportError. It is noted in `met`, as are answers
    that are errors, since yt-dlp does not keep every cause. `parts` says how downloads are continued.
    """
    from yt_dlp.networking.common import RequestHandler, Response
    from yt_dlp.networking.exceptions import HTTPError, TransportError

    class VidalRH(RequestHandler):
        _SUPPORTED_URL_SCHEMES = ("http", "https")
        _SUPPORTED_PROXY_SCHEMES = None
        _SUPPORTED_FEATURES = None

        def _check_extensions(self, extensions: dict[str, Any]) -> None:
            super()._check_extensions(extensions)
            for name in DECIDED_HERE:
                extensions.pop(name, None)

        def _send(self, request: Any) -> Any:
            headers = {name: value for name, value in self._get_headers(request).items() if value is not None}
            if parts:
                headers |= parts.condition(request.url, headers)
            try:
                with network.errors(request.url):
                    answer = answered(network, self._get_cookiejar(request), request, headers)
                    check_part(headers.get("Range"), answer)
            except SampleError as error:
                met.append(error)
                raise TransportError(cause=error) from error
            given = Response(
                _Body(network, answer, met),
                url=str(answer.url),
                headers=dict(answer.headers),
                status=answer.status_code,
            )
            if not 200 <= answer.status_code < 300:
                met.append(HTTPError(given))
                raise met[-1]
            if parts:
                parts.note(request.url, answer.headers.get("ETag", ""))
            return given

    return VidalRH


def answered(network: Network, jar: Any, request: Any, headers: dict[str, str]) -> Any:
    """The answer at the end of the redirects, each hop with the cookies of its own host, those just set among them."""
    import httpx2 as httpx

    client = network.client
    asked = client.build_request(request.method, request.url, headers=headers, content=request.data)
    for _ in range(REDIRECTS + 1):
        cookies = jar.get_cookie_header(str(asked.url))
        if cookies and "Cookie" not in asked.headers:
            asked.headers["Cookie"] = cookies
        answer = client.send(asked, stream=True, follow_redirects=False)
        _keep_cookies(jar, answer)
        if answer.next_request is None:
            return answer
        answer.close()
        asked = answer.next_request
    raise httpx.TooManyRedirects("too many redirects", request=asked)


def check_part(asked: str | None, answer: Any) -> None:
    """TransientError `BadAnswer` for a part of a file that does not begin where it was asked to."""
    from yt_dlp.utils import parse_http_range

    if answer.status_code == 206:
        start, given = parse_http_range(asked)[0] or 0, parse_http_range(answer.headers.get("Content-Range"))[0]
        if given != start:
            raise TransientError(
                "BadAnswer", f"{shown(answer.url)} answered with another part of the file than was asked for"
            )


class _Body(io.RawIOBase):
    """A response's body as a file that gives what has arrived; an error of the network is a SampleError."""

    def __init__(self, network: Network, answer: Any, met: list[Exception]) -> None:
        self._network = network
        self._met = met
        self._answer = answer
        self._chunks: Iterator[bytes] = bounded(answer, ANSWER_BYTES)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return super().read(-1 if size is None else size)

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            try:
                with self._network.errors(str(self._answer.url)):
                    self._rest = next(self._chunks, b"")
            except SampleError as error:
                self._met.append(error)
                raise
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._answer.close()
        super().close()


class _Headers:
    """A response as the standard library's cookie jars read it."""

    def __init__(self, answer: Any) -> None:
        self._message = Message()
        for name, value in answer.headers.multi_items():
            self._message.add_header(name, value)

    def info(self) -> Message:
        return self._message


def _keep_cookies(jar: Any, answer: Any) -> None:
    if "set-cookie" in answer.headers:
        jar.extract_cookies(_Headers(answer), urllib.request.Request(str(answer.url)))
