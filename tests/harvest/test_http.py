from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest.http import download, get_json, status_error

ANSWERS = {
    "/ok": (200, {}, b'{"a": 1}'),
    "/html": (200, {}, b"<html>"),
    "/gone": (404, {}, b""),
    "/later": (429, {"Retry-After": "7"}, b""),
    "/never": (429, {"Retry-After": "\xb2"}, b""),
    "/down": (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b""),
    "/teapot": (418, {}, b""),
    "/moved": (302, {"Location": "/ok"}, b""),
    "/loop": (302, {"Location": "/loop"}, b""),
    "/big": (200, {}, b"x" * 5000),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.server.asked.append((path, query, self.headers.get("Authorization")))
        if path == "/hang":
            self.server.closing.wait(30)
            return
        if path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b"x" * 100)
            return
        status, headers, body = ANSWERS[path]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Silent."""


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.asked, server.closing = [], threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_json_is_read_and_secrets_travel_in_headers(server, url):
    assert get_json(f"{url}/ok", {"q": "a b"}, {"Authorization": "Token t"}) == {"a": 1}
    assert server.asked[-1][2] == "Token t" and server.asked[-1][1] in ("q=a+b", "q=a%20b")
    assert get_json(f"{url}/moved", {}) == {"a": 1}


@pytest.mark.parametrize(
    ("path", "transient", "error_class", "wait"),
    [
        ("/gone", False, "NotFound", None),
        ("/later", True, "RateLimited", 7.0),
        ("/never", True, "RateLimited", None),
        ("/down", True, "Unavailable", None),
        ("/teapot", False, "HttpError", None),
        ("/html", False, "BadAnswer", None),
        ("/cut", True, "Network", None),
        ("/loop", True, "Network", None),
    ],
)
def test_errors_are_told_apart(url, path, transient, error_class, wait):
    with pytest.raises(SampleError) as caught:
        get_json(url + path, {})
    assert isinstance(caught.value, TransientError) == transient
    assert caught.value.error_class == error_class and url + path in str(caught.value)
    assert getattr(caught.value, "retry_after", None) == wait


def test_nobody_there_is_transient():
    with pytest.raises(TransientError) as caught:
        get_json("http://127.0.0.1:1/x", {})
    assert caught.value.error_class == "Network"


def test_an_answer_that_never_comes_is_a_timeout(url, tmp_path):
    with pytest.raises(TransientError) as caught:
        download(f"{url}/hang", tmp_path / "x", 10, timeout=0.2)
    assert caught.value.error_class == "Timeout" and "0.2 s" in str(caught.value)


def test_a_download_is_whole_or_too_large(url, tmp_path):
    assert download(f"{url}/big", tmp_path / "x", 5000, 5.0).read_bytes() == b"x" * 5000
    with pytest.raises(SampleError) as caught:
        download(f"{url}/big", tmp_path / "x", 4999, 5.0)
    assert caught.value.error_class == "TooLarge"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_statuses_worth_another_try(status):
    assert isinstance(status_error(status, "u"), TransientError)


@pytest.mark.parametrize(("status", "name"), [(401, "Refused"), (403, "Refused"), (404, "NotFound"), (410, "NotFound")])
def test_statuses_that_stay(status, name):
    error = status_error(status, "u")
    assert not isinstance(error, TransientError) and error.error_class == name
