"""A hub on this machine that speaks what huggingface_hub asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
LARGE = 4096
"""Bytes from which a file is kept in large file storage and known by its SHA-256."""


@dataclass
class Hub:
    """Repositories by name, each a dictionary of files; what shall go wrong; what was asked for."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    faults: dict[str, list[str]] = field(default_factory=dict)
    """By name of a file, what the next answers do: `cut` half-way, `refuse` with status 503, or `spoil` the content."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Name and `Range` of each file whose content was asked for."""
    address: str = ""


def digest(content: bytes) -> str:
    """The checksum under which a hub knows a file."""
    if len(content) >= LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers on loopback."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def point(monkeypatch: Any, hub: Hub, cache: Path) -> None:
    """Have this process take `hub` for the hub, and `cache` for the cache of it; and keep what has come from it by the
    kilobyte, where else that is done by ten megabytes."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"] and "/".join(parts[2:4]) in self.hub.repositories:
            self._list("/".join(parts[2:4]), tree=parts[4:5] == ["tree"])
        elif parts[2:3] == ["resolve"] and "/".join(parts[:2]) in self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif parts[2:3] == ["resolve"] and parts[4] in self.hub.repositories.get("/".join(parts[:2]), {}):
            self._give(parts[4], self.hub.repositories["/".join(parts[:2])][parts[4]])
        elif parts[:2] == ["api", "models"]:
            self._refuse(401, "RepoNotFound")
        else:
            self._refuse(404, "EntryNotFound")

    def _list(self, name: str, tree: bool) -> None:
        files = [_entry(file, content) for file, content in self.hub.repositories[name].items()]
        card = {"license": "apache-2.0"} if "README.md" in self.hub.repositories[name] else None
        told = files if tree else {"id": name, "sha": COMMIT, "siblings": files, "cardData": card}
        self._answer(200, json.dumps(told).encode(), {})

    def _give(self, name: str, content: bytes) -> None:
        wanted = self.headers.get("Range")
        if self.command == "GET":
            self.hub.asked.append((name, wanted))
        faults = self.hub.faults.get(name, []) if self.command == "GET" else []
        fault = faults.pop(0) if faults else None
        if fault == "refuse":
            return self._refuse(503, "")
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        body = content[start:] if fault != "spoil" else bytes(len(content) - start)
        told = {"ETag": f'"{digest(content)}"', "X-Repo-Commit": COMMIT}
        if wanted:
            told["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._answer(206 if wanted else 200, body, told, cut=fault == "cut")

    def _answer(self, status: int, body: bytes, headers: dict[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


def _entry(name: str, content: bytes) -> dict[str, Any]:
    """A file as both kinds of listing tell of it."""
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry: dict[str, Any] = {
        "rfilename": name, "type": "file", "path": name, "size": len(content), "blobId": oid, "oid": oid,
    }  # fmt: skip
    if len(content) >= LARGE:
        sha = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"sha256": sha, "oid": sha, "size": len(content), "pointerSize": 130}
    return entry
