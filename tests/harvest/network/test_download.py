"""Files of the network: bounded, and continued where an earlier attempt ended."""

from __future__ import annotations

import pytest

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest.network.download import download

DATA = bytes(range(256)) * 400
TAG = '"one"'
LIMIT = 10 * len(DATA)


@pytest.fixture
def fetch(site, network, tmp_path):
    def run(limit=LIMIT, **headers):
        ask = network()
        with ask.attempt(limit):
            return download(ask, f"{site.url}/file", tmp_path / "folder", limit, headers)

    return run


@pytest.fixture
def refused(fetch):
    def run(error_class, limit=LIMIT):
        with pytest.raises(SampleError) as caught:
            fetch(limit)
        assert caught.value.error_class == error_class, str(caught.value)
        return caught.value

    return run


def whole(data=DATA, tag=TAG):
    return (200, {"ETag": tag}, data)


def cut(at, tag=TAG, **headers):
    """The file, of which the connection ends after `at` bytes."""
    return (200, {"ETag": tag, "Content-Length": str(len(DATA)), **headers}, DATA[:at])


def rest(start, end=len(DATA), total=len(DATA), tag=TAG):
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{total}"}
    return (206, headers | ({"ETag": tag} if tag else {}), DATA[start:end])


def test_a_file_arrives_as_it_is(site, fetch):
    site.answers["/file"] = whole()
    path = fetch()
    assert path.read_bytes() == DATA
    assert path.name == "media"
    assert site.headers("range") == [None]
    assert site.headers("accept-encoding") == ["identity"]


def test_headers_go_with_the_request(site, fetch):
    site.answers["/file"] = whole()
    fetch(Authorization="Bearer t")
    assert site.headers("authorization") == ["Bearer t"]


def test_a_body_that_ends_early_is_continued_by_the_next_attempt(site, fetch, refused):
    site.answers["/file"] = [cut(1000), rest(1000)]
    assert isinstance(refused("Incomplete"), TransientError)
    assert fetch().read_bytes() == DATA
    assert site.headers("range") == [None, "bytes=1000-"]
    assert site.headers("if-range") == [None, TAG]


def test_attempts_that_do_not_reach_the_host_lose_nothing(site, fetch, refused):
    site.answers["/file"] = [cut(1000), (503, {}, b""), lambda file: None, rest(1000)]
    for error_class in ("Incomplete", "Unavailable", "Incomplete"):
        refused(error_class)
    assert fetch().read_bytes() == DATA
    assert site.headers("range")[-1] == "bytes=1000-"


def test_a_file_that_has_changed_is_fetched_anew(site, fetch, refused):
    new = b"new" * 100
    site.answers["/file"] = [cut(1000), whole(new, '"two"')]
    refused("Incomplete")
    assert fetch().read_bytes() == new


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_strong_tag_nothing_is_continued(site, fetch, refused, tag):
    site.answers["/file"] = [cut(1000, tag), whole()]
    refused("Incomplete")
    assert fetch().read_bytes() == DATA
    assert site.headers("range") == [None, None]


@pytest.mark.parametrize(
    "wrong",
    [
        rest(500),
        rest(1001),
        rest(1000, tag='"two"'),
        (206, {"ETag": TAG}, DATA[1000:]),
        (206, {"ETag": TAG, "Content-Range": "bytes x-y/z"}, DATA[1000:]),
        (416, {"Content-Range": "bytes */500"}, b""),
    ],
    ids=["earlier", "later", "another file", "unsaid", "nonsense", "none"],
)
def test_another_part_than_was_asked_for_is_never_put_together(site, fetch, refused, wrong):
    site.answers["/file"] = [cut(1000), wrong, whole()]
    refused("Incomplete")
    assert isinstance(refused("BadAnswer"), TransientError)
    assert fetch().read_bytes() == DATA
    assert site.headers("range") == [None, "bytes=1000-", None]


def test_a_part_that_is_shorter_than_what_is_left_is_not_taken_for_the_file(site, fetch, refused):
    site.answers["/file"] = [cut(1000), rest(1000, 3000), rest(3000)]
    refused("Incomplete")
    refused("Incomplete")
    assert fetch().read_bytes() == DATA
    assert site.headers("range") == [None, "bytes=1000-", "bytes=3000-"]


def test_a_part_that_nobody_asked_for_is_not_taken_for_the_file(site, refused):
    site.answers["/file"] = rest(0, 1000)
    refused("Incomplete")
    site.answers["/file"] = rest(10)
    refused("BadAnswer")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_file_is_no_file(site, refused, status):
    site.answers["/file"] = lambda file: file.write(b"HTTP/1.1 %d X\r\n\r\n" % status)
    assert not isinstance(refused("BadAnswer"), TransientError)


def test_a_length_that_is_longer_than_the_body_is_incomplete(site, refused):
    site.answers["/file"] = (200, {"Content-Length": str(len(DATA) + 1)}, DATA)
    refused("Incomplete")


def test_a_length_that_is_shorter_than_the_body_ends_it(site, fetch):
    site.answers["/file"] = (200, {"Content-Length": "1000"}, DATA)
    assert fetch().read_bytes() == DATA[:1000]


@pytest.mark.parametrize("way", ["stated", "sent"])
def test_a_file_ends_at_the_limit(site, refused, way):
    endless = (200, {}, lambda: (DATA for _ in range(10_000)))
    site.answers["/file"] = whole() if way == "stated" else endless
    limit = len(DATA) - 1
    assert not isinstance(refused("TooLarge", limit), TransientError)
    assert site.sent < 200 * len(DATA)


def test_the_limit_counts_what_earlier_attempts_brought(site, refused):
    site.answers["/file"] = [cut(1000), rest(1000)]
    refused("Incomplete")
    refused("TooLarge", len(DATA) - 1)


def test_a_compressed_answer_is_read_and_not_continued(site, fetch, refused):
    import gzip

    packed = gzip.compress(DATA)
    headers = {"ETag": TAG, "Content-Encoding": "gzip"}
    site.answers["/file"] = [
        (200, {**headers, "Content-Length": str(len(packed))}, packed[:-9]),
        (200, headers, packed),
    ]
    refused("Incomplete")
    assert fetch().read_bytes() == DATA
    assert site.headers("range") == [None, None]
