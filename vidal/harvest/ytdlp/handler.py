"""The harvest's network as the only way in which yt-dlp reaches other machines."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest.network.client import Network, bounded

ANSWER_BYTES = 1 << 40
"""Answers are bounded by the attempt's budget alone: one may be the media."""


def handler_of(network: Network, met: list[SampleError]) -> type:
    """A request handler of yt-dlp's that sends everything through `network`. What goes wrong there is handed on as the
    cause of a TransportError, and noted in `met`, since yt-dlp does not keep every cause."""
    from yt_dlp.networking.common import RequestHandler, Response
    from yt_dlp.networking.exceptions import HTTPError, TransportError

    class VidalRH(RequestHandler):
        _SUPPORTED_URL_SCHEMES = ("http", "https")
        _SUPPORTED_PROXY_SCHEMES = None
        _SUPPORTED_FEATURES = None

        def _check_extensions(self, extensions: dict[str, Any]) -> None:
            super()._check_extensions(extensions)
            for name in ("cookiejar", "timeout", "legacy_ssl", "keep_header_casing", "impersonate"):
                extensions.pop(name, None)

        def _send(self, request: Any) -> Any:
            jar = self._get_cookiejar(request)
            headers = {name: value for name, value in self._get_headers(request).items() if value is not None}
            if cookies := jar.get_cookie_header(request.url):
                headers.setdefault("Cookie", cookies)
            try:
                with network.errors(request.url):
                    answer = network.send(request.method, request.url, headers, content=request.data)
            except SampleError as error:
                met.append(error)
                raise TransportError(cause=error) from error
            for response in (*answer.history, answer):
                _keep_cookies(jar, response)
            given = Response(
                io.BufferedReader(_Body(network, answer, met)),
                url=str(answer.url),
                headers=dict(answer.headers),
                status=answer.status_code,
            )
            if not 200 <= answer.status_code < 300:
                raise HTTPError(given)
            return given

    return VidalRH


class _Body(io.RawIOBase):
    """A response's body as a file; an error of the network is a SampleError."""

    def __init__(self, network: Network, answer: Any, met: list[SampleError]) -> None:
        self._network = network
        self._met = met
        self._answer = answer
        self._chunks: Iterator[bytes] = bounded(answer, ANSWER_BYTES)
        self._rest = b""

    def readable(self) -> bool:
        return True

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
