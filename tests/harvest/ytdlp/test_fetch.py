from __future__ import annotations

import pytest

from vidal.engine.errors import SampleError, TransientError
from vidal.harvest.network.client import PAGES_BYTES
from vidal.harvest.sources import Declined, Order
from vidal.harvest.ytdlp import fetch as room

LIMIT = 5_000_000


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "fetched"
    path.mkdir()
    return path


@pytest.fixture
def attempt(network, folder):
    """One attempt at a page, into the folder of the test; what an attempt before it left is still there."""

    def run(url, max_bytes=LIMIT, timeout=10.0, rule=lambda facts: None):
        asker = network(timeout=timeout)
        with asker.attempt(max_bytes):
            return room.fetch(asker, Order(url, "video", folder, max_bytes, rule=rule))

    return run


@pytest.fixture
def fetch(attempt, folder):
    """Fetch a page; returns the one file that is there."""

    def run(url, **options):
        path = attempt(url, **options).path
        assert list(folder.iterdir()) == [path]
        return path

    return run


@pytest.fixture
def refused(attempt):
    """Fetch a page that must fail with this class; returns the error."""

    def run(error_class, url, **options):
        with pytest.raises(SampleError) as caught:
            attempt(url, **options)
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
    assert path.name == "media"


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
def test_faults_of_the_site_have_their_class(refused, watch, network, sites, name, error_class, transient):
    error = refused(error_class, watch(name), timeout=1.0 if name == "stalled" else 10.0)
    assert isinstance(error, TransientError) == transient
    known = network().hosts.state(sites.base_url.removeprefix("http://"))
    assert (known.closed_until > 0) == (error_class == "RateLimited"), "the rest that a site asks for is the network's"


@pytest.mark.parametrize("name", ["rate_limited", "rate_limited_page"])
def test_what_was_too_much_at_first_comes_at_the_second_try(attempt, fetch, watch, world, name):
    with pytest.raises(TransientError):
        attempt(watch(name))
    assert fetch(watch(name)).read_bytes() == world.bytes(name)


@pytest.mark.parametrize(
    ("status", "error_class", "transient"),
    [
        (401, "Refused", False),
        (403, "Refused", False),
        (410, "NotFound", False),
        (451, "GeoBlocked", False),
        (500, "Unavailable", True),
        (503, "Unavailable", True),
    ],
)
def test_statuses_of_a_page(site, refused, status, error_class, transient):
    site.answers["/"] = (200, {}, b"")
    site.answers["/page"] = (status, {}, b"")
    error = refused(error_class, f"{site.url}/page")
    assert isinstance(error, TransientError) == transient
    assert not getattr(error, "pending", False)
    assert site.paths().count("/page") == 1


def test_a_page_without_media(site, refused):
    site.answers["/page"] = (200, {"Content-Type": "text/html"}, b"<html><title>Sign in</title>Sign in</html>")
    assert not isinstance(refused("Unsupported", f"{site.url}/page"), TransientError)


def test_nobody_there_is_transient_and_not_the_clips_fault(refused):
    error = refused("Network", "http://127.0.0.1:1/w/x")
    assert isinstance(error, TransientError) and error.pending


def test_a_redirect_to_another_host_is_followed(site, other, fetch, world):
    other.answers["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
    site.answers["/moved.mp4"] = (302, {"Location": f"{other.url}/clip.mp4"}, b"")
    assert fetch(site.page("/w/1", f"{site.url}/moved.mp4")).read_bytes() == world.bytes("good")
    assert "/clip.mp4" in other.paths()


def test_redirects_in_a_circle_end(site, refused):
    site.answers["/loop"] = (302, {"Location": "/loop"}, b"")
    assert not isinstance(refused("RedirectLoop", f"{site.url}/loop"), TransientError)
    assert len(site.asked) < 50


@pytest.mark.parametrize("way", ["page", "redirect", "playlist", "key"])
def test_no_local_file_is_read(site, refused, folder, world, tmp_path, way):
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
    assert not [path for path in folder.iterdir() if b"secret" in path.read_bytes()]


@pytest.mark.parametrize("way", ["page", "media", "redirect", "playlist", "key"])
def test_everything_passes_the_guard_of_addresses(network, site, folder, world, way):
    """The site is allowed by name alone, so that every other name of this machine is private."""
    there = site.url
    here = there.replace("127.0.0.1", "localhost")
    lines = {
        "playlist": f"#EXTINF:2.5,\n{there}/clip.mp4",
        "key": f'#EXT-X-KEY:METHOD=AES-128,URI="{there}/key"\n#EXTINF:2.5,\n{here}/clip.mp4',
    }
    site.answers["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
    site.answers["/key"] = (200, {}, b"0" * 16)
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n{lines.get(way)}\n#EXT-X-ENDLIST\n"
    site.answers["/list.m3u8"] = (200, {"Content-Type": "application/vnd.apple.mpegurl"}, text.encode())
    site.answers["/moved.mp4"] = (302, {"Location": f"{there}/clip.mp4"}, b"")
    media = {"media": f"{there}/clip.mp4", "redirect": f"{here}/moved.mp4"}.get(way, f"{here}/list.m3u8")
    site.page("/w/1", media)
    asker = network(allow=("localhost",))
    with asker.attempt(), pytest.raises(SampleError) as caught:
        room.fetch(asker, Order(f"{there if way == 'page' else here}/w/1", "video", folder, LIMIT))
    assert caught.value.error_class == "PrivateAddress", str(caught.value)
    assert site.url.removeprefix("http://") not in site.headers("host")


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


def test_an_endless_page_ends_too(site, refused):
    chunk = b"<p>" + b"x" * 1_000_000
    site.answers["/w/1"] = (200, {"Content-Type": "text/html"}, lambda: (chunk for _ in range(400)))
    refused("TooLarge", f"{site.url}/w/1")
    assert site.sent < 2 * PAGES_BYTES


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


@pytest.mark.parametrize(
    ("status", "error_class"), [(404, "NotFound"), (503, "Unavailable"), (403, "Refused"), (429, "RateLimited")]
)
def test_a_clip_with_a_segment_missing_is_none(segmented, site, refused, world, status, error_class):
    url = segmented(3)
    good = site.answers["/part.mp4"]
    site.answers["/part.mp4"] = [good, (status, {}, b""), good]
    refused(error_class, url)


def test_segments_that_have_arrived_are_not_fetched_again(segmented, site, attempt, fetch, world):
    url = segmented(3)
    good = site.answers["/part.mp4"]
    site.answers["/part.mp4"] = [good, (503, {}, b""), good]
    with pytest.raises(TransientError):
        attempt(url)
    assert fetch(url).read_bytes() == world.bytes("good") * 3
    assert site.paths().count("/part.mp4") == 4


def test_a_segment_of_which_a_part_arrived_is_fetched_whole(segmented, site, attempt, fetch, world):
    url, data = segmented(2), world.bytes("good")
    cut = (200, {"Content-Type": "video/mp4", "Content-Length": str(len(data))}, b"other bytes" * 200)
    site.answers["/part.mp4"] = [site.answers["/part.mp4"], cut, site.answers["/part.mp4"]]
    with pytest.raises(TransientError):
        attempt(url)
    assert fetch(url).read_bytes() == data * 2
    assert set(site.headers("range")) == {None}


def test_of_a_page_with_several_clips_one_is_fetched(site, fetch, world):
    for name in ("one", "two"):
        site.answers[f"/{name}.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
    text = f'<html><title>x</title><video src="{site.url}/one.mp4"></video><video src="{site.url}/two.mp4"></video>'
    site.answers["/w/1"] = (200, {"Content-Type": "text/html"}, text.encode())
    assert fetch(f"{site.url}/w/1").read_bytes() == world.bytes("good")
    assert "/one.mp4" not in site.paths() or "/two.mp4" not in site.paths()


ARRIVED = 131072
"""How much of a body arrives before it is cut short: whole pieces of those it is read in."""


def _cut(data, tag):
    """A body that ends before its stated length."""
    return (200, {"Content-Type": "video/mp4", "Content-Length": str(len(data)), "ETag": tag}, data[:ARRIVED])


@pytest.fixture
def data():
    return b"".join(number.to_bytes(4, "big") for number in range(100_000))


def test_an_interrupted_download_is_resumed_by_range(site, attempt, fetch, data):
    rest = (206, {"Content-Range": f"bytes {ARRIVED}-{len(data) - 1}/{len(data)}", "ETag": '"1"'}, data[ARRIVED:])
    site.answers["/clip.mp4"] = [_cut(data, '"1"'), rest]
    url = site.page("/w/1", f"{site.url}/clip.mp4")
    with pytest.raises(TransientError):
        attempt(url)
    assert fetch(url).read_bytes() == data
    assert site.headers("range")[-1] == f"bytes={ARRIVED}-"
    assert site.headers("if-range")[-1] == '"1"'


def test_a_part_that_was_not_asked_for_is_not_taken_for_the_file(site, attempt, refused, data):
    wrong = (206, {"Content-Range": f"bytes 5-{len(data) - 1}/{len(data)}", "ETag": '"1"'}, data[5:])
    site.answers["/clip.mp4"] = [_cut(data, '"1"'), wrong]
    url = site.page("/w/1", f"{site.url}/clip.mp4")
    with pytest.raises(TransientError):
        attempt(url)
    assert isinstance(refused("BadAnswer", url), TransientError)


def test_a_download_of_another_file_begins_anew(site, attempt, fetch, data):
    """The site answers the condition with the whole of what it has now."""
    site.answers["/clip.mp4"] = [_cut(b"x" * 400_000, '"1"'), (200, {"ETag": '"2"'}, data)]
    url = site.page("/w/1", f"{site.url}/clip.mp4")
    with pytest.raises(TransientError):
        attempt(url)
    assert fetch(url).read_bytes() == data
    assert site.headers("if-range")[-1] == '"1"'


@pytest.mark.parametrize("tag", ['W/"1"', ""])
def test_what_no_strong_validator_tells_apart_is_fetched_whole(site, attempt, fetch, data, tag):
    site.answers["/clip.mp4"] = [_cut(b"x" * 400_000, tag), (200, {}, data)]
    url = site.page("/w/1", f"{site.url}/clip.mp4")
    with pytest.raises(TransientError):
        attempt(url)
    assert fetch(url).read_bytes() == data
    assert site.headers("range")[-1] is None


def test_a_part_at_another_address_is_left_alone(site, attempt, fetch, data):
    site.answers["/one.mp4"] = _cut(b"x" * 400_000, '"1"')
    site.answers["/two.mp4"] = (200, {"ETag": '"1"'}, data)
    with pytest.raises(TransientError):
        attempt(site.page("/w/1", f"{site.url}/one.mp4"))
    path = attempt(site.page("/w/1", f"{site.url}/two.mp4")).path
    assert path.read_bytes() == data
    assert site.headers("range")[-1] is None


def test_a_file_that_was_whole_already_is_told_by_416(site, attempt, fetch, data):
    """The connection broke after the last byte and before its end."""
    cut = (200, {"Content-Length": str(len(data) + 1), "ETag": '"1"'}, data)
    whole = (200, {"ETag": '"1"'}, data)
    site.answers["/clip.mp4"] = [cut, (416, {"Content-Range": f"bytes */{len(data)}"}, b""), whole]
    url = site.page("/w/1", f"{site.url}/clip.mp4")
    with pytest.raises(TransientError):
        attempt(url)
    assert fetch(url).read_bytes() == data


def test_a_page_that_breaks_a_rule_is_declined_before_its_media(site, attempt, world):
    """The rule is asked once, of what the page tells, and its exception comes out as itself."""
    site.answers["/clip.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
    asked = []

    def rule(facts):
        asked.append(facts)
        return "licence"

    with pytest.raises(Declined) as caught:
        attempt(site.page("/w/1", f"{site.url}/clip.mp4"), rule=rule)
    assert caught.value.rule == "licence"
    assert caught.value.facts["title"].startswith("A page")
    assert len(asked) == 1 and "/clip.mp4" not in site.paths()


def test_a_rule_that_passes_is_asked_once(watch, attempt):
    asked = []
    attempt(watch("good"), rule=lambda facts: asked.append(facts))
    assert len(asked) == 1


def test_what_a_page_tells_comes_with_the_media(watch, attempt, world):
    told = attempt(watch("good")).facts
    entry = world.entries["good"]
    assert told["title"].startswith(entry.title)
    assert set(entry.hashtags) <= set(told["hashtags"])


@pytest.mark.parametrize("ext", ["exe", "../../evil", "a/b", "%(id)s", "vtt", "x" * 300, "desktop"])
def test_no_say_of_a_site_in_file_names(site, attempt, folder, monkeypatch, world, ext):
    site.answers["/w/1"] = (200, {"Content-Type": "text/html"}, b"")
    site.answers["/clip"] = (200, {"Content-Type": f"video/{ext}"}, world.bytes("good"))
    format_ = {"url": f"{site.url}/clip", "ext": ext, "format_id": "../" * 9, "part_name": "../../part"}
    told = {"id": "../../id", "title": "../../%(ext)s $HOME ~", "formats": [format_], "part_name": "../../part"}
    monkeypatch.setattr("yt_dlp.extractor.generic.GenericIE._real_extract", lambda extractor, url: told)
    path = attempt(f"{site.url}/w/1").path
    assert path == folder / "media" and list(folder.iterdir()) == [path]
    assert path.read_bytes() == world.bytes("good")
    assert sorted(folder.parent.iterdir()) == [folder]
