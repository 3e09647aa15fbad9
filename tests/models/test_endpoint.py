"""Endpoints are asked for their models, and no message holds the key."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vidal.models import check_endpoint

KEY = "sk-very-secret"


@pytest.fixture
def endpoint(monkeypatch):
    """A server that answers as it is told, and its address."""
    told = {"status": 200, "body": b""}
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(told["status"])
            self.send_header("Content-Length", str(len(told["body"])))
            self.end_headers()
            self.wfile.write(told["body"])

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("SOME_KEY", KEY)
    yield told, asked, f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def models(*names: str) -> bytes:
    return json.dumps({"data": [{"id": name} for name in names]}).encode()


@pytest.mark.parametrize(
    ("status", "body", "ok", "says"),
    [
        (200, models("small", "large"), True, "has large"),
        (200, models("small"), False, "has no model 'large'; it has: small"),
        (200, models(KEY), False, "it has: ***"),
        (200, b"<html>", False, "status 200 and no list"),
        (200, b'{"data": [5]}', False, "status 200 and no list"),
        (200, models(*("x" * 1000 for _ in range(5000))), False, "longer than 4 MiB"),
        (401, b"", False, "refuses the key"),
        (404, b"", True, "has no list of its models"),
        (500, b"", False, "status 500"),
    ],
)  # fmt: skip
def test_what_an_endpoint_answers(endpoint, status, body, ok, says):
    told, asked, address = endpoint
    told.update(status=status, body=body)
    found = check_endpoint(address, "large", "SOME_KEY")
    assert (found.ok, found.present) == (ok, ok) and says in found.message
    assert KEY not in found.message and "\n" not in found.message
    assert asked == [("/v1/models", f"Bearer {KEY}")] and found.where == address and found.source == "endpoint"


def test_without_a_key_nothing_is_asked(endpoint, monkeypatch):
    _, asked, address = endpoint
    monkeypatch.delenv("SOME_KEY")
    found = check_endpoint(address, "large", "SOME_KEY")
    assert not found.ok and "SOME_KEY" in found.message and asked == []


def test_an_endpoint_out_of_reach_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    found = check_endpoint("http://me:word@127.0.0.1:1/v1", "large", "SOME_KEY")
    assert not found.ok and "cannot be reached" in found.message and found.where == "http://127.0.0.1:1/v1"
    assert "word" not in found.message and KEY not in found.message
