"""The server: GET and HEAD, one range at a time, for browsers that were told its address."""

from __future__ import annotations

import ipaddress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import Any

from vidal.engine.errors import ConfigError, VidalError
from vidal.report.serve.answers import Answer, Answers
from vidal.report.serve.ranges import wanted
from vidal.shard.access import ShardSet

CONNECTIONS = 64
IDLE_S = 30
CHUNK = 1 << 20
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}


class Server(ThreadingHTTPServer):
    """Serves one shard set. Raises ConfigError where host and port cannot be bound."""

    daemon_threads = True

    def __init__(self, shards: ShardSet, host: str = "127.0.0.1", port: int = 0) -> None:
        self.answers = Answers(shards)
        self.host = host
        self._room = BoundedSemaphore(CONNECTIONS)
        if ":" in host:
            import socket

            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"--host {host} --port {port}: {error}; name an address of this machine and a free port"
            ) from error

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://[{host}]:{port}/" if ":" in str(host) else f"http://{host}:{port}/"

    def server_bind(self) -> None:
        """Bind without asking a name server what this machine is called."""
        import socketserver

        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks ends; there is nobody to be told."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: Server

    def version_string(self) -> str:
        return "vidal"

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._refuse(400, "a request for a page has no body")
        elif not trusted(self.headers.get_all("Host") or [], self.server.host):
            self._refuse(421, "this server answers to its own address alone")
        else:
            self._give()

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What cannot be understood, or is neither GET nor HEAD, ends the connection."""
        self.close_connection = True
        self._refuse(405 if code == 501 else code, message or "")

    def _give(self) -> None:
        try:
            answer = self.server.answers.get(self.path)
            if answer is None:
                self._refuse(404, "nothing is here")
                return
            self._send(answer)
        except VidalError:
            self._refuse(502, "the shard cannot be read there")

    def _send(self, answer: Answer) -> None:
        tag = f'"{answer.tag}"' if answer.tag else ""
        if tag and self.headers.get("If-None-Match") == tag:
            self._head(304, {"ETag": tag})
            return
        asked = self.headers.get("Range") if self.command == "GET" else None
        if self.headers.get("If-Range", tag) != tag:
            asked = None
        found = wanted(asked, answer.size)
        if found is None:
            self._head(416, {"Content-Range": f"bytes */{answer.size}", "Content-Length": "0"})
            return
        start, stop = found
        first = answer.read(start, min(stop, start + CHUNK)) if self.command == "GET" else b""
        told = {"Content-Type": answer.type, "Content-Length": str(stop - start), "Accept-Ranges": "bytes"}
        if tag:
            told["ETag"] = tag
        if answer.type == "application/octet-stream":
            told["Content-Disposition"] = "attachment"
        partial = (start, stop) != (0, answer.size)
        if partial:
            told["Content-Range"] = f"bytes {start}-{stop - 1}/{answer.size}"
        self._head(206 if partial else 200, told)
        if self.command == "HEAD":
            return
        try:
            self.wfile.write(first)
            for place in range(start + CHUNK, stop, CHUNK):
                self.wfile.write(answer.read(place, min(stop, place + CHUNK)))
        except (VidalError, OSError):
            self.close_connection = True

    def _refuse(self, code: int, message: str) -> None:
        body = f"{code} {message}\n".encode("ascii", "replace")
        self._head(code, {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))})
        if getattr(self, "command", None) != "HEAD":
            self.wfile.write(body)

    def _head(self, code: int, told: dict[str, str]) -> None:
        self.send_response(code)
        policy = {} if told.get("Content-Type", "").startswith("text/html") else {"Content-Security-Policy": "sandbox"}
        closing = {"Connection": "close"} if self.close_connection else {}
        allow = {"Allow": "GET, HEAD"} if code == 405 else {}
        for name, value in {**HEADERS, **policy, **closing, **allow, **told}.items():
            self.send_header(name, value)
        self.end_headers()


def trusted(hosts: list[str], own: str) -> bool:
    """Whether the Host of a request is an address, `localhost`, or the name that was asked for on the command line: a
    page elsewhere whose name was made to lead here (DNS rebinding) brings its own name."""
    if len(hosts) != 1:
        return False
    host = hosts[0].strip().lower()
    name = host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.partition(":")[0]
    if name in ("localhost", own.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
