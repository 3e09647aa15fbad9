"""Ranges of files, of this machine and of another."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from tests.shard.ranges_server import serving
from vidal.engine.errors import MissingError
from vidal.engine.ranges import OPEN, TOGETHER, RangeError, Ranges, Span

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("a.tar", "b.tar"):
        (tmp_path / name).write_bytes(CONTENT)
    return tmp_path


def drawn(place: object, count: int) -> list[Span]:
    chance = random.Random(count)
    spans = [
        Span(f"{place}/{chance.choice('ab')}.tar", chance.randrange(5000), chance.randrange(100)) for _ in range(count)
    ]
    return [*spans, Span(f"{place}/a.tar", 7, 0)]


@pytest.mark.parametrize("count", [0, 1, TOGETHER, 2 * TOGETHER + 5])
def test_spans_come_in_order_and_are_asked_for_alone(folder, count):
    expected = [CONTENT[span.start : span.start + span.size] for span in drawn("", count)]
    assert list(Ranges(fsspec.filesystem("file")).each(drawn(folder, count))) == expected
    with serving(folder) as sent:
        assert list(Ranges(fsspec.filesystem("http")).each(drawn(sent.url, count))) == expected
        assert sorted(sent.of(".tar")) == sorted(len(data) for data in expected if data)


def test_remote_spans_that_are_not_taken_are_not_asked_for(folder):
    with serving(folder) as sent:
        spans = [Span(f"{sent.url}/a.tar", number, 1) for number in range(3 * TOGETHER)]
        found = Ranges(fsspec.filesystem("http")).each(spans)
        assert [next(found) for _ in range(TOGETHER)] == [bytes([number]) for number in range(TOGETHER)]
        assert len(sent.answers) == TOGETHER


@pytest.mark.parametrize("remote", [False, True])
def test_what_cannot_be_read_is_named(folder, remote):
    with serving(folder) as sent:
        place, fs = (sent.url, "http") if remote else (str(folder), "file")
        ranges = Ranges(fsspec.filesystem(fs))
        asked = [Span(f"{place}/{name}.tar", 5000, size) for name, size in (("c", 1), ("b", 500), ("a", 2))]
        gone, short, found = ranges.each(asked)
        assert isinstance(gone, MissingError) and str(gone).startswith(f"{place}/c.tar is not there")
        assert isinstance(short, RangeError) and str(short).startswith(f"{place}/b.tar: ends at byte {len(CONTENT)}")
        assert found == CONTENT[5000:5002]
        for error, span in ((MissingError, asked[0]), (RangeError, asked[1])):
            with pytest.raises(error, match=span.path):
                ranges.read(span.path, span.start, span.size)


def test_a_server_that_knows_no_ranges_is_told_from_one_that_does(folder):
    with serving(folder, ranges=False) as sent, pytest.raises(RangeError, match="single ranges"):
        Ranges(fsspec.filesystem("http")).read(f"{sent.url}/a.tar", 0, 10)


def test_no_more_files_are_held_open_than_said(tmp_path):
    handles = lambda: len(list(Path("/proc/self/fd").iterdir()))  # noqa: E731
    paths = [tmp_path / f"{number}.tar" for number in range(OPEN + 40)]
    for number, path in enumerate(paths):
        path.write_bytes(b"%3d" % number)
    ranges, before = Ranges(fsspec.filesystem("file")), handles()
    for _ in range(2):
        assert [ranges.read(str(path), 0, 3) for path in paths] == [b"%3d" % n for n in range(len(paths))]
    assert handles() - before == OPEN
    del ranges
    assert handles() == before


def test_threads_read_what_is_theirs_while_files_are_closed(tmp_path):
    paths = [str(tmp_path / f"{number}.tar") for number in range(3 * OPEN)]
    for path in paths:
        Path(path).write_bytes(path.encode())
    ranges = Ranges(fsspec.filesystem("file"))

    def read(seed: int) -> bool:
        drawn = random.Random(seed).choices(paths, k=2000)
        return all(ranges.read(path, 0, len(path.encode())) == path.encode() for path in drawn)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))
