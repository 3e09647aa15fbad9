"""A loopback server of files that knows byte ranges, and counts what it sends."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Sent:
    """The address of the files, and the bytes of every answer with content, by file."""

    url: str = ""
    answers: list[tuple[str, int]] = field(default_factory=list)

    def of(self, suffix: str) -> list[int]:
        return [size for name, size in self.answers if name.endswith(suffix)]


@contextmanager
def serving(folder: Path, ranges: bool = True) -> Iterator[Sent]:
    """Serve the files of a folder; with `ranges` off, a range is answered with the whole file."""
    sent = Sent()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            path = folder / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            data, whole = path.read_bytes(), path.stat().st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if ranges else None
            if asked:
                data = data[int(asked[1]) : int(asked[2]) + 1]
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Accept-Ranges", "bytes" if ranges else "none")
            if asked:
                self.send_header("Content-Range", f"bytes {asked[1]}-{int(asked[1]) + len(data) - 1}/{whole}")
            self.end_headers()
            if body:
                sent.answers.append((path.name, len(data)))
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    sent.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
