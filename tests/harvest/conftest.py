"""A site on loopback that answers what a test tells it to, a network that may ask it, and the demo's sites with one
entry of each trouble."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from vidal.demo.clips import file_names, write_entry
from vidal.demo.sites import Sites
from vidal.demo.trouble import Entry, catalogue
from vidal.harvest.network.client import Network
from vidal.harvest.network.config import NetworkConfig

Body = bytes | Callable[[], Iterator[bytes]]
Answer = tuple[int, dict[str, str], Body]
Raw = Callable[[Any], object]
"""Writes a whole response to the connection's file itself; the connection is closed after it."""


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is known of hosts and half-fetched files lies in a folder of each test's own."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def network(tmp_path: Path) -> Callable[..., Network]:
    """A worker's network that may ask loopback, quickly; sections of its configuration can be given."""

    def make(**given: Any) -> Network:
        quick = {"per_second": 1000.0, "total_per_second": 10_000.0, "concurrency": 8, "allow": ("127.0.0.1",)}
        return Network(NetworkConfig(**{**quick, "read_timeout": 5.0, "timeout": 20.0, **given}), tmp_path)

    return make


@dataclass
class Site:
    """`answers` maps a path to status, headers and body, to a list of such, used up one by one until the last, or to a
    function that writes the response itself. A body that is a function is sent in chunks, without a length.

    `asked` lists the requests: path, query, headers; `methods` their methods, `times` the instants at which they came.
    `sent` counts the bytes of chunked bodies, `peak` is the largest number of requests in work at once.
    """

    url: str = ""
    answers: dict[str, Answer | list[Answer] | Raw] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    sent: int = 0
    peak: int = 0
    working: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, path: str, media: str) -> str:
        """Offer a page whose video is at the URL `media`; returns the page's address."""
        text = f'<html><head><title>A page</title></head><body><video><source src="{media}"></video></body></html>'
        self.answers[path] = (200, {"Content-Type": "text/html"}, text.encode())
        return self.url + path

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def headers(self, name: str) -> list[str | None]:
        """What the requests said under a header."""
        return [headers.get(name) for _, _, headers in self.asked]

    def next(self, path: str) -> Answer | Raw:
        with self.lock:
            answer = self.answers.get(path, (404, {}, b""))
            if isinstance(answer, list):
                return answer.pop(0) if len(answer) > 1 else answer[0]
            return answer

    def change(self, working: int) -> None:
        with self.lock:
            self.working += working
            self.peak = max(self.peak, self.working)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self.server.site.change(1)
        try:
            self.answer()
        finally:
            self.server.site.change(-1)

    def answer(self) -> None:
        site, url = self.server.site, urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        site.asked.append((url.path, dict(parse_qsl(url.query)), headers))
        site.methods.append(self.command)
        site.times.append(time.monotonic())
        found = site.next(url.path)
        if callable(found):
            self.close_connection = True
            found(self.wfile)
            return
        status, given, body = found
        self.send_response(status)
        for name, value in given.items():
            self.send_header(name, value)
        if isinstance(body, bytes):
            if "Content-Length" not in given:
                self.send_header("Content-Length", str(len(body)))
            elif int(given["Content-Length"]) != len(body):
                self.close_connection = True
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in body():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            site.sent += len(chunk)
        self.wfile.write(b"0\r\n\r\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Silent; `Site.asked` is the log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    site: Site

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that were sent too much hang up."""


def _serve() -> Iterator[Site]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    yield from _serve()


@pytest.fixture
def other() -> Iterator[Site]:
    """Another host, as far as ports make hosts."""
    yield from _serve()


@dataclass(frozen=True)
class World:
    """Files of some entries of the demo's catalogue, by their trouble (`good`, `sound` where there is none)."""

    folder: Path
    entries: dict[str, Entry]

    def bytes(self, name: str) -> bytes:
        return (self.folder / self.entries[name].filename).read_bytes()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    entries: dict[str, Entry] = {}
    for entry in catalogue(0):
        kind = "sound" if entry.kind == "audio" else "good"
        cost = entry.scene.frames * entry.scene.width * entry.scene.height
        if entry.trouble is None and kind in entries:
            before = entries[kind].scene
            if cost >= before.frames * before.width * before.height:
                continue
        if entry.kind == "video" or entry.trouble is None:
            entries[entry.trouble or kind] = entry
    for name in [name for name in entries if name.startswith("hostile") or name == "long_unsaid"]:
        del entries[name]
    for entry in entries.values():
        for name in file_names(entry):
            write_entry(entry, folder / name)
    return World(folder, entries)


@pytest.fixture
def sites(world: World) -> Iterator[Sites]:
    """The demo's sites; the faults that pass begin anew for each test."""
    with Sites(world.folder, list(world.entries.values())) as sites:
        yield sites
        assert sites.errors == []
