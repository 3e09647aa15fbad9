from __future__ import annotations

import json

import pytest

from vidal.engine.errors import ConfigError, SampleError
from vidal.harvest.sources import Order, open_source
from vidal.harvest.sources.urls import UrlsConfig, addressed

GOOD = "https://x.example/a.mp4"


def source(base, path="list.csv", network=None, **given):
    return open_source(UrlsConfig(type="urls", name="list", path=path, **given), base, network)


def found(urls):
    urls.check()
    return [candidate for part in urls.listed() for candidate in urls.search(part.name)]


def rows_of(tmp_path, *rows, **given):
    """The candidates of rows given as objects."""
    (tmp_path / "list.jsonl").write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return found(source(tmp_path, "list.jsonl", **given))


def test_a_row_tells_all_that_is_known(tmp_path):
    row = {
        "url": GOOD, "id": 17, "kind": "audio", "title": "A bell #rings", "hashtags": ["#Bell"], "description": "d",
        "captions": ["c1", "c2"], "licence": "CC0-1.0", "uploader": "me", "language": "en", "seconds": "12.5",
        "unknown": {"x": 1},
    }  # fmt: skip
    [one] = rows_of(tmp_path, row)
    assert (one.id, one.kind, one.url, one.source) == ("list_17", "audio", GOOD, "list")
    assert (one.title, one.hashtags, one.description, one.captions) == ("A bell", ("rings", "Bell"), "d", ("c1", "c2"))
    assert (one.licence, one.uploader, one.language, one.seconds) == ("CC0-1.0", "me", "en", 12.5)


def test_an_address_is_enough(tmp_path):
    [one, same, other] = rows_of(
        tmp_path, {"url": GOOD}, {"url": GOOD, "title": "x"}, {"url": GOOD + "?"}, kind="audio"
    )
    assert one.id == same.id != other.id and one.id.startswith("list_")
    assert (one.kind, one.title, one.captions) == ("audio", "", ())


def test_a_caption_stands_for_a_missing_title(tmp_path):
    [one] = rows_of(tmp_path, {"url": GOOD, "captions": "A dog barks #loud"})
    assert (one.title, one.hashtags, one.captions) == ("A dog barks", ("loud",), ("A dog barks #loud",))


def test_columns_may_have_other_names(tmp_path):
    (tmp_path / "list.tsv").write_text("videoid\tcontentUrl\tname\n9\thttps://x.example/v\tA dog runs\n")
    columns = {"url": "contentUrl", "id": "videoid", "captions": "name"}
    [one] = found(source(tmp_path, "list.tsv", columns=columns))
    assert (one.id, one.url, one.title) == ("list_9", "https://x.example/v", "A dog runs")


WRONG = [
    ({"title": "no address"}, "url: Field required"),
    ({"url": ""}, "url: Field required"),
    ({"url": ["x"]}, "url: Input should be a valid string"),
    ({"url": "ftp://x.example/a"}, "'ftp://x.example/a' is not an http or https address"),
    ({"url": "file:///etc/passwd"}, "is not an http or https address"),
    ({"url": "https://"}, "is not an http or https address"),
    ({"url": "https://[::1/a"}, "is not an http or https address"),
    ({"url": "a.mp4"}, "is not an http or https address"),
    ({"url": "https://x.example/" + "a" * 9000}, "url: String should have at most 8192 characters"),
    ({"url": GOOD, "seconds": "long"}, "seconds: Input should be a valid number"),
    ({"url": GOOD, "seconds": -1}, "seconds: Input should be greater than or equal to 0"),
    ('{"url": "https://x.example/a", "seconds": NaN}', "seconds: Input should be a finite number"),
    ({"url": GOOD, "kind": "picture"}, "kind: Input should be 'video' or 'audio'"),
    ({"url": GOOD, "captions": [{"text": "x"}]}, "captions: 0: Input should be a valid string"),
    ("not JSON", "not JSON"),
]


@pytest.mark.parametrize(("row", "says"), WRONG)
def test_a_wrong_row_is_a_candidate_that_fails_with_its_line(tmp_path, row, says):
    first, wrong, last = rows_of(tmp_path, {"url": GOOD, "id": "1"}, row, {"url": GOOD, "id": "2"})
    assert [first.id, last.id] == ["list_1", "list_2"] and wrong.id not in ("list_1", "list_2")
    with pytest.raises(SampleError) as caught:
        source(tmp_path, "list.jsonl").fetch(Order(wrong.to_row()["url"], wrong.kind, tmp_path, 1000))
    assert caught.value.error_class == "BadRow"
    assert str(caught.value).startswith("list.jsonl:2: ") and says in str(caught.value)


def test_every_row_is_a_candidate(tmp_path):
    rows = [{"url": f"{GOOD}?{number}"} for number in range(700)] + [row for row, _ in WRONG]
    assert len({one.id for one in rows_of(tmp_path, *rows)}) == len(rows)


@pytest.mark.parametrize(
    ("content", "says"),
    [("link\nhttps://x.example\n", "has no column 'url'"), ("url\n", "holds no rows"), (None, "does not exist")],
)
def test_a_list_that_is_none_is_refused(tmp_path, content, says):
    if content is not None:
        (tmp_path / "list.csv").write_text(content)
    with pytest.raises(ConfigError, match=rf"^harvest source list: .*list\.csv {says}"):
        source(tmp_path).check()


@pytest.mark.parametrize("url", ["http://a.example", "https://a.example:8443/x y?z=ö#f", "http://127.0.0.1:1/"])
def test_addresses(url):
    assert addressed(url)


class TestFetch:
    @pytest.fixture
    def fetch(self, tmp_path, network):
        """Fetch an address in one way; the bytes."""
        (tmp_path / "list.csv").write_text("url\nx\n")

        def run(url, way, max_bytes=5_000_000):
            (tmp_path / "scratch").mkdir(exist_ok=True)
            asker = network()
            urls = source(tmp_path, network=asker, fetch=way)
            with asker.attempt(max_bytes):
                return urls.fetch(Order(url, "video", tmp_path / "scratch", max_bytes)).path.read_bytes()

        return run

    @pytest.fixture
    def clip(self, site, world):
        """A clip at an address that does not tell what is there, called a page by its server."""
        site.answers["/get"] = (200, {"Content-Type": "text/html"}, world.bytes("good"))
        return site.url + "/get", world.bytes("good")

    @pytest.mark.parametrize("way", ["auto", "file"])
    def test_a_file_is_downloaded_in_one_request(self, fetch, clip, site, way):
        assert fetch(clip[0], way) == clip[1]
        assert site.paths() == ["/get"]

    @pytest.mark.parametrize("way", ["auto", "page"])
    @pytest.mark.parametrize("path", ["/watch", "/File:clip.mp4"])
    def test_a_page_is_read_whatever_its_address_looks_like(self, fetch, site, world, way, path):
        site.answers["/media.mp4"] = (200, {"Content-Type": "video/mp4"}, world.bytes("good"))
        assert fetch(site.page(path, site.url + "/media.mp4"), way) == world.bytes("good")

    def test_a_page_without_media_is_no_clip(self, fetch, site):
        site.answers["/gone.mp4"] = (200, {"Content-Type": "text/html"}, b"\xef\xbb\xbf \n<!DOCTYPE html><p>Not found")
        with pytest.raises(SampleError) as caught:
            fetch(site.url + "/gone.mp4", "auto")
        assert caught.value.error_class == "Unsupported"

    def test_a_limit_and_a_status_hold_in_both_ways(self, fetch, clip, site):
        for way in ("auto", "file"):
            with pytest.raises(SampleError) as caught:
                fetch(clip[0], way, max_bytes=1000)
            assert caught.value.error_class == "TooLarge"
            with pytest.raises(SampleError) as caught:
                fetch(site.url + "/none", way)
            assert caught.value.error_class == "NotFound"

    def test_a_video_of_youtube_is_fetched_at_the_pace_of_youtube(self, tmp_path, monkeypatch):
        (tmp_path / "list.csv").write_text("url\nx\n")
        urls, asked = source(tmp_path), []
        monkeypatch.setattr(urls.youtube, "fetch", lambda order: asked.append(order.url))
        urls.fetch(Order("https://youtu.be/dQw4w9WgXcQ", "video", tmp_path, 1))
        assert asked == ["https://youtu.be/dQw4w9WgXcQ"]
