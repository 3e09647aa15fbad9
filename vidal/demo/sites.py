"""The demo sites on one loopback port: a video site, a sound site and a language model, with their planted faults."""

from __future__ import annotations

import hashlib
import re
import select
import socket
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from vidal.demo import chat, freesound, peertube
from vidal.demo.clips import file_names
from vidal.demo.faults import FAULTS
from vidal.demo.reply import Reply, Request, json_reply
from vidal.demo.trouble import Entry

SLOW_PACE_S = 0.1
STALL_AFTER = 2048
STALL_S = 120.0
MAX_BODY = 8_000_000
IDLE_S = 30.0
CLOSING_S = 0.2
"""How soon waiting answers notice that the sites close."""
_TYPES = {".mp4": "video/mp4", ".webm": "video/webm", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Hit(NamedTuple):
    """One request answered: `range` is its Range header or None, `at` the instant of its arrival in seconds."""

    method: str
    path: str
    status: int
    range: str | None
    at: float


class Sites:
    """Serve `entries`, whose files lie in `folder`, on 127.0.0.1 until the `with` block ends.

    `port` 0 takes a free one. `chat_faults` are the statuses that the first chat requests meet, one each. `hits` lists
    every request so far, `peak` is the largest number of requests that were in work at once: begun, their last bytes
    not yet sent, and their client still there. `errors` holds exceptions of the sites themselves.
    """

    def __init__(
        self, folder: str | Path, entries: Sequence[Entry], port: int = 0, chat_faults: Sequence[int] = ()
    ) -> None:
        self.folder = Path(folder)
        self.entries = list(entries)
        self.hits: list[Hit] = []
        self.errors: list[Exception] = []
        self.peak = 0
        self.closing = threading.Event()
        self._port = port
        self._chat_faults = list(chat_faults)
        self._videos = {entry.id: entry for entry in entries if entry.kind == "video"}
        self._media = {name: entry for entry in entries for name in file_names(entry)}
        self._working: set[socket.socket] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Sites:
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.sites = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:<port>`, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, path: str, status: int | None = None) -> int:
        """How many requests for `path` were answered (with that status)."""
        with self._lock:
            return sum(hit.path == path and status in (None, hit.status) for hit in self.hits)

    def reply(self, request: Request) -> Reply:
        """What the sites answer to a request; planted faults that pass with time depend on the requests before."""
        path = request.path
        if path == peertube.SEARCH_PATH:
            return peertube.search(self.entries, request, self.base_url)
        if path.startswith("/w/"):
            return self._page(request)
        if path.startswith("/media/"):
            return self._file(request)
        if path in freesound.SEARCH_PATHS:
            return freesound.search(self.entries, request, self.base_url)
        if path == chat.MODELS_PATH:
            return chat.models(request)
        if path == chat.PATH and request.method == "POST":
            return chat.complete(request, self._next_chat_fault())
        return _NOT_FOUND

    def busiest(self, seconds: float = 1.0) -> int:
        """The most requests that arrived within so many seconds."""
        with self._lock:
            times = sorted(hit.at for hit in self.hits)
        return max((bisect_left(times, start + seconds) - number for number, start in enumerate(times)), default=0)

    def enter(self, connection: socket.socket) -> None:
        """Note that a request on a connection is being worked on."""
        with self._lock:
            self._working = {other for other in self._working if not _hung_up(other)} | {connection}
            self.peak = max(self.peak, len(self._working))

    def note(self, hit: Hit) -> None:
        """Note what a request is answered with, before the answer is sent."""
        with self._lock:
            self.hits.append(hit)

    def leave(self, connection: socket.socket) -> None:
        """Note that the request on a connection is done with."""
        with self._lock:
            self._working.discard(connection)

    def _next_chat_fault(self) -> int | None:
        with self._lock:
            return self._chat_faults.pop(0) if self._chat_faults else None

    def _page(self, request: Request) -> Reply:
        entry = self._videos.get(request.path.removeprefix("/w/"))
        if entry is None:
            return _NOT_FOUND
        if entry.trouble == "rate_limited_page" and not self.count(request.path):
            return _TOO_MANY
        return peertube.watch_page(entry, self.base_url)

    def _file(self, request: Request) -> Reply:
        name = request.path.removeprefix("/media/")
        entry = self._media.get(name)
        trouble = entry and entry.trouble
        if entry is None or trouble == "not_found":
            return _NOT_FOUND
        if trouble == "unavailable":
            return json_reply(503, {"error": "Service Unavailable"})
        if trouble == "rate_limited" and not self.count(request.path):
            return _TOO_MANY
        fault = FAULTS.get(trouble or "")
        whole = serve_bytes(
            (self.folder / name).read_bytes(),
            _TYPES[Path(name).suffix],
            {} if fault and not fault.ranges else request.headers,
            pace=SLOW_PACE_S if trouble == "slow" else 0.0,
            stall_after=STALL_AFTER if trouble == "stalled" else None,
        )
        return fault.reply(whole, request.path, self.count(request.path)) if fault else whole


_NOT_FOUND = json_reply(404, {"error": "Not Found"})
_TOO_MANY = json_reply(429, {"error": "Too Many Requests"}, {"Retry-After": "1"})


def serve_bytes(
    data: bytes, mime: str, headers: dict[str, str], pace: float = 0.0, stall_after: int | None = None
) -> Reply:
    """A resource under HTTP's rules for single ranges, ETag, If-None-Match and If-Range; 416 outside the resource."""
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    shared = {"Accept-Ranges": "bytes", "ETag": etag, "Content-Type": mime}
    if headers.get("if-none-match") == etag:
        return Reply(304, headers=shared)
    wanted = _RANGE.fullmatch(headers.get("range", ""))
    if wanted is None or wanted.groups() == ("", "") or headers.get("if-range", etag) != etag:
        return Reply(200, data, shared, pace, stall_after)
    first, last = wanted.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if start >= len(data) or end < start:
        return Reply(416, headers={**shared, "Content-Range": f"bytes */{len(data)}"})
    shared["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    left = None if stall_after is None else max(stall_after - start, 0)
    return Reply(206, data[start : end + 1], shared, pace, left)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sites: Sites

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up in the middle of an answer; that is theirs to do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed; `Sites.hits` is the log."""

    def _answer(self) -> None:
        sites, url, at = self.server.sites, urlsplit(self.path), time.monotonic()
        length = int(self.headers.get("Content-Length") or 0)
        sites.enter(self.connection)
        try:
            if length > MAX_BODY:
                reply = json_reply(413, {"error": "Content Too Large"}, {"Connection": "close"})
            else:
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = dict(parse_qsl(url.query, keep_blank_values=True))
                reply = self._reply(Request(self.command, unquote(url.path), query, headers, self.rfile.read(length)))
            sites.note(Hit(self.command, unquote(url.path), reply.status, self.headers.get("Range"), at))
            self._send(reply)
        finally:
            sites.leave(self.connection)

    def _reply(self, request: Request) -> Reply:
        try:
            return self.server.sites.reply(request)
        except Exception as error:
            self.server.sites.errors.append(error)
            return json_reply(500, {"error": "Internal Server Error"})

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.endless:
            self.send_header("Connection", "close")
        else:
            length = len(reply.body) if reply.length is None else reply.length
            self.send_header("Content-Length", str(length))
            self.close_connection |= length != len(reply.body)
        *pieces, last = [b""] if self.command == "HEAD" else _pieces(reply)
        if not pieces and not reply.endless and reply.stall_after is None:
            self.server.sites.leave(self.connection)
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
            if self._waited(reply.pace):
                return
        while reply.endless and self.command != "HEAD":
            self.wfile.write(reply.body)
        if reply.stall_after is None:
            self.server.sites.leave(self.connection)
        self.wfile.write(last)
        if reply.stall_after is not None and self.command != "HEAD":
            self._waited(STALL_S)
            self.close_connection = True

    def _waited(self, seconds: float) -> bool:
        """Wait; whether the client hung up meanwhile, or the sites are closing."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self.server.sites.closing.is_set() or _hung_up(self.connection):
                self.close_connection = True
                return True
            select.select([self.connection], [], [], min(left, CLOSING_S))
        return False


def _hung_up(connection: socket.socket) -> bool:
    """Whether the client at the other end has closed the connection."""
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _pieces(reply: Reply) -> list[bytes]:
    """The body in the pieces it is sent in, one at least."""
    body = reply.body[: reply.stall_after]
    step = max(1, -(-len(body) // reply.pieces)) if reply.pace else max(1, len(body))
    return [body[start : start + step] for start in range(0, len(body), step)] or [b""]
