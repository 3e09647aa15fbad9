from __future__ import annotations

import pytest

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest import ytdlp

LIMIT = 5_000_000


@pytest.fixture
def fetch(tmp_path):
    """Fetch a page into a folder of its own; returns the one file that is there."""

    def run(url, max_bytes=LIMIT, timeout=10.0):
        folder = tmp_path / "fetched"
        folder.mkdir()
        path = ytdlp.fetch(url, folder, max_bytes, timeout)
        assert list(folder.iterdir()) == [path]
        return path

    return run


@pytest.fixture
def refused(fetch):
    """Fetch a page that must fail with this class; returns the error."""

    def run(error_class, *arguments, **options):
        with pytest.raises(SampleError) as caught:
            fetch(*arguments, **options)
        assert caught.value.error_class == error_class, str(caught.value)
        assert str(caught.value) and "\n" not in str(caught.value)
        return caught.value

    return run


@pytest.fixture
def watch(sites, world):
    """The page of the demo's entry with a trouble."""
    return lambda name: f"{sites.base_url}/w/{world.entries[name].id}"


@pytest.mark.parametrize("name", ["good", "slow", "truncated", "html", "playlist", "header_3h_webm"])
def test_media_arrive_as_they_are_under_a_name_of_ours(fetch, watch, world, name):
    path = fetch(watch(name))
    assert path.read_bytes() == world.bytes(name)
    assert path.stem == "media"


@pytest.mark.parametrize(
    ("name", "error_class", "transient"),
    [
        ("not_found", "NotFound", False),
        ("empty", "NotMedia", False),
        ("unavailable", "Unavailable", True),
        ("rate_limited", "RateLimited", True),
        ("rate_limited_page", "RateLimited", True),
        ("stalled", "Timeout", True),
    ],
)
def test_faults_of_the_site_have_their_class(refused, watch, name, error_class, transient):
    error = refused(error_class, watch(name), timeout=1.0 if name == "stalled" else 10.0)
    assert isinstance(error, TransientError) == transient
    assert getattr(error, "retry_after", None) == (1.0 if error_class == "RateLimited" else None)


@pytest.mark.parametrize("name", ["rate_limited", "rate_limited_page"])
def test_what_was_too_much_at_first_comes_at_the_second_try(tmp_path, watch, world, name):
    with pytest.raises(TransientError):
        ytdlp.fetch(watch(name), tmp_path, LIMIT, 10.0)
    assert ytdlp.fetch(watch(name), tmp_path, LIMIT, 10.0).read_bytes() == world.bytes(name)


@pytest.mark.parametrize(
    ("status", "error_class", "transient"),
    [
        (401, "Refused", False),
        (403, "Refused", False),
        (410, "NotFound", False),
        (451, "Refused", False),
        (500, "Unavailable", True),
        (503, "Unavailable", True),
    ],
)
def test_statuses_of_a_page(site, refused, status, error_class, transient):
    site.answers["/page"] = (status, {}, b"")
    assert isinstance(refused(error_class, f"{site.url}/page"), TransientError) == transient
    assert site.paths() == ["/page"]


def test_a_page_without_media(site, refused):
    site.answers["/page"] = (200, {"Content-Type": "text/html"}, b"<html><title>Sign in</title>Sign in</html>")
    refused("NotMedia", f"{site.url}/page")


def test_nobody_there_is_transient(refused):
    assert isinstance(refused("Network", "http://127.0.0.1:1/w/x"), TransientError)


def test_a_redirect_to_another_host_is_followed(site, other, fetch, world):
    other.answers["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
    site.answers["/moved.mp4"] = (302, {"Location": f"{other.url}/clip.mp4"}, b"")
    assert fetch(site.page("/w/1", f"{site.url}/moved.mp4")).read_bytes() == world.bytes("good")
    assert "/clip.mp4" in other.paths()


def test_redirects_in_a_circle_end(site, refused):
    site.answers["/loop"] = (302, {"Location": "/loop"}, b"")
    refused("HttpError", f"{site.url}/loop")
    assert len(site.asked) < 50


@pytest.mark.parametrize("way", ["page", "redirect", "playlist", "key"])
def test_no_local_file_is_read(site, refused, world, tmp_path, way):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret 16 bytes " * 1000)
    lines = {
        "playlist": f"#EXTINF:2.5,\nfile://{secret}",
        "key": f'#EXT-X-KEY:METHOD=AES-128,URI="file://{secret}"\n#EXTINF:2.5,\n{site.url}/clip.mp4',
    }
    site.answers["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
    media = f"{site.url}/list.m3u8"
    if way in lines:
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n{lines[way]}\n#EXT-X-ENDLIST\n"
        site.answers["/list.m3u8"] = (200, {"Content-Type": "application/vnd.apple.mpegurl"}, text.encode())
    elif way == "redirect":
        site.answers["/list.m3u8"] = (302, {"Location": f"file://{secret}"}, b"")
    else:
        media = f"file://{secret}"
    error = refused("BadAnswer", site.page("/w/1", media))
    assert not isinstance(error, TransientError)
    assert not [path for path in (tmp_path / "fetched").iterdir() if b"secret" in path.read_bytes()]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ytsearch3:cats", "ftp://127.0.0.1/x", "--exec", "", "/etc/passwd"]
)
def test_only_pages_are_asked_for(refused, url):
    assert "not the address of a page" in str(refused("BadAnswer", url))


def test_a_stated_length_above_the_limit_is_not_fetched(watch, refused, world):
    refused("TooLarge", watch("good"), max_bytes=len(world.bytes("good")) - 1)


def test_a_body_without_a_length_ends_at_the_limit(site, refused):
    chunks = [b"x" * 50_000] * 4000
    site.answers["/endless.mp4"] = (200, {"Content-Type": "video/mp4"}, lambda: iter(chunks))
    refused("TooLarge", site.page("/w/1", f"{site.url}/endless.mp4"), max_bytes=1_000_000)
    assert site.sent < sum(map(len, chunks)) / 2


@pytest.fixture
def segmented(site, world):
    """The page of a clip in segments, each of them the good clip."""

    def make(count):
        site.answers["/part.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
        text = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n" + "#EXTINF:2.5,\npart.mp4\n" * count + "#EXT-X-ENDLIST\n"
        site.answers["/list.m3u8"] = (200, {"Content-Type": "application/vnd.apple.mpegurl"}, text.encode())
        return site.page("/w/1", f"{site.url}/list.m3u8")

    return make


def test_segments_are_put_together(segmented, fetch, world):
    assert fetch(segmented(2)).read_bytes() == world.bytes("good") * 2


def test_too_many_segments_end_at_the_limit(segmented, site, refused, world):
    refused("TooLarge", segmented(200), max_bytes=3 * len(world.bytes("good")))
    assert site.paths().count("/part.mp4") < 20


def test_of_a_page_with_several_clips_one_is_fetched(site, fetch, world):
    for name in ("one", "two"):
        site.answers[f"/{name}.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
    text = f'<html><title>x</title><video src="{site.url}/one.mp4"></video><video src="{site.url}/two.mp4"></video>'
    site.answers["/w/1"] = (200, {"Content-Type": "text/html"}, text.encode())
    assert fetch(f"{site.url}/w/1").read_bytes() == world.bytes("good")


def test_an_interrupted_download_is_resumed_by_range(sites, watch, world, tmp_path):
    data = world.bytes("good")
    (tmp_path / "media.mp4.part").write_bytes(data[:1000])
    assert ytdlp.fetch(watch("good"), tmp_path, LIMIT, 10.0).read_bytes() == data
    assert "bytes=1000-" in [hit.range for hit in sites.hits]
