"""The server of a shard set: what it gives, and that nothing else can be had from it."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shard.ranges_server import serving
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.ranges import RangeError, Ranges
from vidal.report.serve.ranges import wanted
from vidal.report.serve.server import Server, trusted
from vidal.shard.access import open_set
from vidal.shard.pictures import LAYERS

SECRET = b"never to be served"


@pytest.fixture
def folder(told, tmp_path: Path) -> Path:
    """The shards, a secret beside them, and a link to it that is named like a shard."""
    copy = Path(shutil.copytree(f"{told.workspace}/shards", tmp_path / "shards"))
    (tmp_path / "secret.txt").write_bytes(SECRET * 100)
    (copy / "vidal-000009.tar").symlink_to(tmp_path / "secret.txt")
    return copy


@contextmanager
def started(location: str) -> Iterator[Server]:
    with Server(open_set(location, guarded=True)) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield found
        finally:
            found.shutdown()
            thread.join()


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with started(str(folder)) as found:
        yield found


def asked(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def raw(server: Server, request: bytes) -> bytes:
    with socket.create_connection(server.server_address[:2], timeout=10) as stream:
        found = b""
        try:
            stream.sendall(request)
            stream.shutdown(socket.SHUT_WR)
            while part := stream.recv(1 << 16):
                found += part
        except OSError as error:
            assert not isinstance(error, TimeoutError)
        return found


def test_members_are_given_whole_and_in_ranges(server, folder):
    row = next(n for n, sample in enumerate(open_set(str(folder)).values()) if "mp4" in sample)
    place = open_set(str(folder))[row].place("mp4")
    status, headers, clip = asked(server, f"/member/{row}/mp4")
    assert status == 200 and hashlib.sha256(clip).hexdigest() == place.sha256 and headers["Content-Type"] == "video/mp4"
    status, headers, some = asked(server, f"/member/{row}/mp4", Range="bytes=10-19")
    assert (status, some, headers["Content-Range"]) == (206, clip[10:20], f"bytes 10-19/{len(clip)}")
    assert asked(server, f"/member/{row}/mp4", Range="bytes=-7")[2] == clip[-7:]
    assert asked(server, f"/member/{row}/mp4", Range=f"bytes={len(clip)}-")[0] == 416
    assert asked(server, f"/member/{row}/mp4", Range="bytes=0-1", If_Range='"other"')[2] == clip
    assert asked(server, f"/member/{row}/mp4", If_None_Match=headers["ETag"])[0] == 304
    status, headers, body = asked(server, f"/member/{row}/mp4", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(clip)), b"")


def test_only_the_server_s_own_address_is_answered_and_only_to_readers(server):
    assert asked(server, "/")[0] == 200 and asked(server, "/", Host="localhost:1")[0] == 200
    assert asked(server, "/", Host="rebound.example")[0] == 421
    assert raw(server, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 421")
    assert raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: 127.0.0.1\r\n\r\n").startswith(b"HTTP/1.1 421")
    for method in ("POST", "PUT", "DELETE", "TRACE", "CONNECT", "OPTIONS"):
        assert asked(server, "/", method)[0] == 405
    assert trusted(["[::1]:80"], "127.0.0.1") and trusted(["box:1"], "box") and not trusted(["box"], "127.0.0.1")


def test_links_out_of_the_folder_are_not_read(folder, tmp_path):
    assert len(open_set(str(folder), guarded=True)) == 8
    only = tmp_path / "only"
    only.mkdir()
    (only / "a.tar").symlink_to(folder / "vidal-000000.tar")
    with pytest.raises(ConfigError, match="link"):
        open_set(str(only), guarded=True)


def test_a_shard_cut_short_is_an_answer_not_a_crash(server, folder):
    (folder / "vidal-000000.tar").write_bytes(b"")
    assert {asked(server, f"/member/{row}/json")[0] for row in range(8)} == {200, 502}
    assert json.loads(asked(server, "/index/0.json")[2])["more"] is False


@contextmanager
def in_memory(folder: Path) -> Iterator[str]:
    fs = fsspec.filesystem("memory")
    for path in folder.iterdir():
        fs.pipe(f"/served/{path.name}", path.read_bytes())
    yield "memory://served"
    fs.rm("/served", recursive=True)


@contextmanager
def behind_http(folder: Path) -> Iterator[str]:
    with serving(folder) as sent:
        yield sent.url


@pytest.mark.parametrize("remote", [in_memory, behind_http])
def test_a_remote_set_is_served_as_a_local_one(server, folder, remote):
    paths = ["/", "/index/0.json", "/member/99/json", "/member/0/nothing"]
    for row, sample in enumerate(open_set(str(folder)).values()):
        paths += [f"/sample/{row}.json", *(f"/strip/{row}/{layer}.jpg" for layer in LAYERS)]
        paths += [f"/member/{row}/{name}" for name in sample if name in ("mp4", "flac", "json")]
    with remote(folder) as location, started(location) as other:
        for path in paths[1:]:
            mine, theirs = asked(server, path), asked(other, path)
            assert (mine[0], mine[2]) == (theirs[0], theirs[2])
        status, _, some = asked(other, "/member/0/mp4", Range="bytes=10-19")
        assert (status, some) == (206, asked(server, "/member/0/mp4")[2][10:20])
        assert location in asked(other, "/")[2].decode()


def test_a_password_in_an_address_is_not_shown(folder):
    with serving(folder) as sent, started(sent.url.replace("://", "://someone:hunter2@")) as other:
        page = asked(other, "/")[2].decode()
    assert "hunter2" not in page and "***@127.0.0.1" in page


def test_of_a_remote_set_only_what_is_asked_for_is_sent(folder):
    with serving(folder) as sent, started(sent.url) as other:
        assert asked(other, "/index/0.json")[0] == 200 and sent.of(".tar") == []
        row = next(n for n, sample in enumerate(open_set(str(folder)).values()) if "mp4" in sample)
        assert asked(other, f"/member/{row}/mp4", Range="bytes=5-24")[0] == 206 and sent.of(".tar") == [20]


def test_a_remote_that_fails_is_an_answer_not_a_crash(folder):
    with serving(folder) as sent, started(sent.url) as other:
        (folder / "vidal-000000.tar").rename(folder / "gone")
        assert {asked(other, f"/member/{row}/json")[0] for row in range(8)} == {200, 502}
        assert asked(other, "/sample/0.json")[0] == asked(other, "/sample/7.json")[0] == 200


def test_a_server_that_is_not_there_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(MissingError, match=r"index\.parquet cannot be read"):
        open_set(url, guarded=True)
    with pytest.raises(RangeError, match=url):
        Ranges(fsspec.filesystem("http")).read(f"{url}/a.tar", 0, 1)


PIECES = [
    *(
        "..",
        "%2e%2e",
        "%2f",
        "/",
        "//",
        "\\",
        "%00",
        "secret.txt",
        "vidal-000009.tar",
        "member",
        "strip",
        "sample",
        "0",
    ),
    *(
        "7",
        "99999999",
        "-1",
        "frames.jpg",
        "mp4",
        "json",
        "index",
        "0.json",
        "etc",
        "passwd",
        "http://h/",
        "?",
        "#",
        "é",
    ),
]
LINES = [
    *(b"Range: bytes=", b"Range: bytes=9-1", b"Range: bytes=-", b"Range: bytes=0-0,2-3", b"Content-Length: 7", b"Host"),
    *(b"X" * 70000, b"Transfer-Encoding: chunked", b": ", b"Host: [::", b"If-Range: \xff", b"\x00: a"),
    b"Expect: 100-continue",
]


def fuzz(server: Server, folder: Path, times: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(times):
        path = "/" * chance.randrange(2) + chance.choice(["", "/"]).join(chance.choices(PIECES, k=chance.randint(1, 6)))
        method = chance.choice(["GET", "GET", "GET", "HEAD", "get", "BREW", "G\x00T", ""])
        head = [f"{method} {path} HTTP/{chance.choice(['1.1', '1.0', '9', ''])}".encode("utf-8", "replace")]
        head += [b"Host: 127.0.0.1"] * chance.choice([1, 1, 1, 0, 2]) + chance.choices(LINES, k=chance.randrange(3))
        said = raw(
            server, b"\r\n".join(head) + chance.choice([b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", b"", b"\n"])
        )
        assert SECRET not in said and b"root:x:" not in said and b"Traceback" not in said
    assert asked(server, "/")[0] == 200


def test_malformed_requests_get_nothing_and_break_nothing(server, folder):
    fuzz(server, folder, 1000, 1)


@pytest.mark.slow
def test_ten_thousand_malformed_requests(server, folder):
    fuzz(server, folder, 10_000, 2)


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_ranges_are_those_of_the_rfc(size, first, last):
    content = bytes(range(size))

    def got(header: str) -> bytes | None:
        found = wanted(header, size)
        return None if found is None else content[slice(*found)]

    assert got(f"bytes={first}-") == (content[first:] if first < size else None)
    assert got(f"bytes=-{last}") == (content[max(0, size - last) :] if last and size else None)
    if last >= first:
        assert got(f"bytes={first}-{last}") == (content[first : last + 1] if first < size else None)
    assert got(f"bytes={last + 1}-{last}") == got("lines=1-2") == got("bytes=0-1,2-3") == content


def test_the_served_gallery_works_in_a_browser(opened, server):
    page = opened(server.url)
    assert page.locator(".card").count() == 8
    page.fill("#filter", "kind:video")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert (
        page.locator(".card img").first.evaluate("async (node) => { await node.decode(); return node.naturalWidth }")
        > 0
    )
    page.locator(".card").first.click()
    page.wait_for_selector("dialog video")
    assert page.evaluate(
        """async () => { const clip = document.querySelector("dialog video"); clip.muted = true; await clip.play();
        return clip.duration }"""
    ) == pytest.approx(2, abs=0.3)
