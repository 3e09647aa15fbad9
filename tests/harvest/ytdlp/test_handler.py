"""yt-dlp's requests as a site sees them."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest.ytdlp.session import session


@pytest.fixture
def opened(network, site):
    """Open a request of yt-dlp's and read its answer."""
    from yt_dlp.networking.common import Request

    def ask(*urls, method=None, data=None, headers=None, asker=None):
        asker = asker or network()
        with asker.attempt(), session(asker, site.url, {}) as downloader:
            answers = []
            for url in urls:
                answer = downloader.urlopen(Request(url, data=data, headers=headers or {}, method=method))
                answers.append((answer.status, answer.url, answer.headers, answer.read()))
            return answers[-1]

    return ask


def test_an_answer_is_given_as_it_is(site, opened):
    site.answers["/a"] = (203, {"X-Said": "this", "Content-Type": "text/plain"}, b"body" * 100_000)
    status, url, headers, body = opened(f"{site.url}/a")
    assert (status, url, headers["x-said"], body) == (203, f"{site.url}/a", "this", b"body" * 100_000)


def test_an_answer_can_be_read_in_pieces(site, network):
    site.answers["/a"] = (200, {}, lambda: iter([b"abc", b"defg", b"h" * 100_000]))
    asker = network()
    with asker.attempt(), session(asker, site.url, {}) as downloader:
        answer = downloader.urlopen(f"{site.url}/a")
        head = answer.read(5)
        assert 1 <= len(head) <= 5
        assert head + answer.read() == b"abcdefg" + b"h" * 100_000
        assert answer.read() == b"" and answer.read(10) == b""


def test_a_compressed_page_is_read_and_media_are_asked_for_as_they_are(site, opened):
    site.answers["/a"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"plain text"))
    assert opened(f"{site.url}/a")[-1] == b"plain text"
    opened(f"{site.url}/a", headers={"Accept-Encoding": "identity"})
    assert site.headers("accept-encoding")[-1] == "identity"


def test_methods_are_kept(site, opened):
    site.answers["/a"] = (200, {"Content-Length": "4"}, b"body")
    assert opened(f"{site.url}/a", method="HEAD")[-1] == b""
    assert site.methods == ["HEAD"]


def test_a_body_is_posted_with_its_type(network):
    """The site of the other tests answers GET and HEAD alone."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            seen.append((self.path, self.headers["Content-Type"], self.rfile.read(length)))
            self.send_response(307 if self.path == "/moved" else 200)
            if self.path == "/moved":
                self.send_header("Location", "/api")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *arguments):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    from yt_dlp.networking.common import Request

    url, body = f"http://127.0.0.1:{server.server_address[1]}", json.dumps({"query": "a"}).encode()
    asker = network()
    with asker.attempt(), session(asker, url, {}) as downloader:
        downloader.urlopen(Request(f"{url}/moved", data=body, headers={"Content-Type": "application/json"}))
    assert seen == [("/moved", "application/json", body), ("/api", "application/json", body)]
    server.shutdown()
    thread.join()
    server.server_close()


def test_cookies_set_on_the_way_are_there_at_the_next_hop(site, opened):
    site.answers["/in"] = (302, {"Location": "/consent", "Set-Cookie": "seen=1; Path=/"}, b"")
    site.answers["/consent"] = (302, {"Location": "/page", "Set-Cookie": "agreed=2; Path=/"}, b"")
    site.answers["/page"] = (200, {"Set-Cookie": "last=3; Path=/"}, b"page")
    assert opened(f"{site.url}/in", f"{site.url}/page")[-1] == b"page"
    assert site.headers("cookie") == [None, "seen=1", "seen=1; agreed=2", "seen=1; agreed=2; last=3"]


def test_a_secret_of_one_host_is_not_shown_to_another(site, other, network, opened):
    other.answers["/page"] = (200, {}, b"page")
    there = other.url.replace("127.0.0.1", "localhost")
    site.answers["/in"] = (302, {"Location": f"{there}/page", "Set-Cookie": "seen=1; Path=/"}, b"")
    asker = network(allow=("127.0.0.1", "localhost"))
    opened(f"{site.url}/in", headers={"Authorization": "Bearer x", "Cookie": "mine=1"}, asker=asker)
    assert site.headers("cookie") == ["mine=1"] and site.headers("authorization") == ["Bearer x"]
    assert other.headers("cookie") == [None] and other.headers("authorization") == [None]


def test_cookies_of_the_users_are_sent_and_their_file_is_left_as_it_is(site, tmp_path, network, opened):
    site.answers["/page"] = (200, {"Set-Cookie": "mine=changed; Path=/; Max-Age=9999"}, b"page")
    file = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tmine\tyes\n"
    file.write_text(text)
    opened(f"{site.url}/page", asker=network(cookies="cookies.txt"))
    assert site.headers("cookie") == ["mine=yes"]
    assert file.read_text() == text
    opened(f"{site.url}/page", headers={"Cookie": "given=1"}, asker=network(cookies="cookies.txt"))
    assert site.headers("cookie")[-1] == "given=1"


def test_an_answer_left_unread_keeps_no_place(site, network):
    """One request at once: the second would wait for ever for what the first holds."""
    site.answers["/a"] = (200, {}, b"x" * 1_000_000)
    site.answers["/gone"] = (404, {}, b"x" * 1_000_000)
    asker = network(concurrency=1)
    with asker.attempt(), session(asker, site.url, {}) as downloader:
        from yt_dlp.networking.exceptions import HTTPError

        first = downloader.urlopen(f"{site.url}/a")
        with pytest.raises(HTTPError) as caught:
            downloader.urlopen(f"{site.url}/gone")
        assert downloader.urlopen(f"{site.url}/a").read() == b"x" * 1_000_000
        assert (caught.value.status, first.status) == (404, 200)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "ws://127.0.0.1/x", "data:text/plain,x", "rtmp://127.0.0.1/x"])
def test_other_ways_than_http_lead_nowhere(site, opened, url):
    with pytest.raises(SampleError) as caught:
        opened(url)
    assert caught.value.error_class in ("BadAnswer", "Unsupported") and not isinstance(caught.value, TransientError)
