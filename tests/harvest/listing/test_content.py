from __future__ import annotations

import gzip
import random
import zlib
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest

from vidal.engine.errors import ConfigError
from vidal.harvest.listing import content
from vidal.harvest.listing.content import Content, place

TEXT = random.Random(0).randbytes(300_000) + b"even " * 100_000


@pytest.fixture(params=["plain", "gz", "members"])
def file(request, tmp_path, monkeypatch):
    """A file of TEXT, plain or in one or several gzip members, with marks close to each other."""
    monkeypatch.setattr(content, "STRIDE", 50_000)
    parts = [TEXT] if request.param == "gz" else [TEXT[:100_001], TEXT[100_001:100_002], TEXT[100_002:]]
    if request.param == "plain":
        (tmp_path / "t.bin").write_bytes(TEXT)
        return Content("t.bin", tmp_path)
    (tmp_path / "t.gz").write_bytes(b"".join(map(gzip.compress, parts)) + b"\0" * 100)
    return Content("t.gz", tmp_path)


@pytest.mark.parametrize("start", [0, 1, 99_999, 100_001, 100_002, 299_999, 500_000, len(TEXT) - 1, len(TEXT), 10**7])
def test_content_is_read_from_any_byte_on(file, start):
    assert b"".join(file.chunks(start)) == TEXT[start:]


def test_content_is_read_between_any_bytes_by_threads_and_in_no_order(file):
    rng = random.Random(1)
    spans = [(start, start + rng.randrange(60_000)) for start in rng.choices(range(len(TEXT)), k=60)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda span: file.read(*span), spans))
    assert found == [TEXT[start:stop] for start, stop in spans]


class Counted:
    """A stream that notes the bytes taken from it."""

    def __init__(self, stream):
        self.stream, self.taken = stream, 0

    def read(self, size):
        content = self.stream.read(size)
        self.taken += len(content)
        return content

    def __getattr__(self, name):
        return getattr(self.stream, name)


def test_a_packed_file_is_entered_near_the_place_that_is_read(tmp_path, monkeypatch):
    """So that a slice costs a stride, not all that is before it."""
    monkeypatch.setattr(content, "STRIDE", 50_000)
    (tmp_path / "t.gz").write_bytes(gzip.compress(TEXT))
    file, opened = Content("t.gz", tmp_path), []
    assert b"".join(file.chunks()) == TEXT
    unpacked = file._unpacked
    monkeypatch.setattr(
        file, "_unpacked", lambda stream, start: unpacked(opened.append(Counted(stream)) or opened[-1], start)
    )
    for start in (290_000, 70_000, 200_000):
        assert file.read(start, start + 9) == TEXT[start : start + 9]
    assert all(0 < stream.taken <= 100_000 for stream in opened) and len(opened) == 3
    assert len(file._marks) < 12


def test_a_gzip_file_that_ends_too_early_is_named(tmp_path):
    (tmp_path / "t.gz").write_bytes(gzip.compress(TEXT)[:-2000])
    with pytest.raises(ConfigError, match=r"t\.gz cannot be read: the gzip file ends before"):
        list(Content("t.gz", tmp_path).chunks())


@pytest.mark.parametrize("wrong", [b"<html>", zlib.compress(b"x")])
def test_a_file_that_is_no_gzip_is_named(tmp_path, wrong):
    (tmp_path / "t.gz").write_bytes(wrong)
    with pytest.raises(ConfigError, match=r"t\.gz cannot be read"):
        list(Content("t.gz", tmp_path).chunks())


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv does not exist"):
        list(Content("none.csv", tmp_path).chunks())


def test_a_file_at_a_url_is_read_and_addresses_of_servers_are_not(tmp_path):
    with fsspec.open("memory://lists/t.bin", "wb") as stream:
        stream.write(TEXT)
    assert Content("memory://lists/t.bin", tmp_path).read(5, 5000) == TEXT[5:5000]
    with pytest.raises(ConfigError, match="type `urls`"):
        place("https://example.org/list.csv", tmp_path)
    with pytest.raises(ConfigError, match="nosuch"):
        place("nosuch://list.csv", tmp_path)
