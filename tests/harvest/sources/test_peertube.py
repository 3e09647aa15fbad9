from __future__ import annotations

import json
import math
from dataclasses import replace
from uuid import UUID

import pyarrow as pa
import pytest

from vidal.demo.peertube import SEARCH_PATH, describe
from vidal.demo.sites import Sites
from vidal.demo.trouble import catalogue
from vidal.engine.errors import SampleError, TransientError
from vidal.engine.schemas import CANDIDATE
from vidal.harvest.screening.config import ScreenConfig
from vidal.harvest.screening.licence import normalise
from vidal.harvest.screening.rules import Rules
from vidal.harvest.sources import open_source
from vidal.harvest.sources.peertube import LICENCES, PeerTubeConfig

UUID_1 = "9c9de5e8-0a1e-484a-b099-e80766180a6d"
VIDEO = {
    **describe(next(entry for entry in catalogue(0) if entry.kind == "video"), "https://tube.example"),
    "uuid": UUID_1,
    "url": f"https://origin.example/videos/watch/{UUID_1}",
    "name": "A red ball #ball  #red",
    "description": "A red ball rolls.",
    "duration": 9,
    "views": 120,
    "comments": 4,
    "licence": {"id": 2, "label": "Attribution - Share Alike"},
    "language": {"id": "en", "label": "English"},
    "account": {
        "name": "demo",
        "displayName": "Demo Person",
        "url": "https://origin.example/accounts/demo",
        "host": "origin.example",
    },
}


@pytest.fixture
def source(network, tmp_path):
    def make(url, **given):
        return open_source(PeerTubeConfig(type="peertube", name="tube", url=url, **given), tmp_path, network())

    return make


@pytest.fixture
def answered(site, source):
    """What a source finds where the site answers with these pages, one after the other."""

    def run(*pages, **given):
        site.answers[SEARCH_PATH] = [page if isinstance(page, tuple) else json_answer(page) for page in pages]
        return list(source(site.url, **given).search("red ball"))

    return run


@pytest.fixture
def shelf(tmp_path):
    """The demo's video site with 230 clips, which reads requests as PeerTube documents them."""
    clip = next(entry for entry in catalogue(0) if entry.kind == "video")
    entries = [
        replace(clip, id=str(UUID(int=n + 1)), title=f"Ball {n}", hashtags=(), duration=float(1 + n % 50))
        for n in range(230)
    ]
    with Sites(tmp_path, entries) as sites:
        yield sites
        assert sites.errors == []


def json_answer(value, status=200):
    text = json.dumps(value).replace("Infinity", "1e999")
    return status, {"Content-Type": "application/json"}, text.encode()


def page(*videos):
    return {"total": len(videos), "data": list(videos)}


class TestSearch:
    def test_what_is_told_of_a_video(self, answered):
        (found,) = answered(page(VIDEO))
        assert found.id == f"tube_{UUID_1}" and found.kind == "video" and found.source == "tube"
        assert (found.title, found.hashtags, found.description) == ("A red ball", ("ball", "red"), "A red ball rolls.")
        assert (found.seconds, found.watched, found.comments, found.language) == (9.0, 120, 4, "en")
        assert (found.licence, found.published) == ("Attribution - Share Alike", VIDEO["publishedAt"])
        assert (found.uploader, found.uploader_id) == ("Demo Person", "https://origin.example/accounts/demo")
        assert found.live is False and found.age_limit is None

    def test_a_video_of_another_site_is_watched_there(self, site, answered):
        (found,) = answered(page(VIDEO))
        assert found.url == VIDEO["url"] and not found.url.startswith(site.url)

    @pytest.mark.parametrize(
        "url", [None, "", 7, "ftp://x.example/a", "file:///etc/passwd", "javascript:alert(1)", "/w/x"]
    )
    def test_a_video_without_an_address_is_watched_where_it_was_found(self, site, answered, url):
        (found,) = answered(page({**VIDEO, "url": url}))
        assert found.url == f"{site.url}/videos/watch/{UUID_1}"

    def test_a_request_is_made_as_documented(self, site, answered):
        answered(page(VIDEO), results=3, max_seconds=20.9)
        assert site.asked[0][1] == {
            "search": "red ball", "nsfw": "false", "start": "0", "count": "3", "durationMax": "20",
        }  # fmt: skip

    def test_pages_are_asked_for_until_there_are_enough(self, shelf, source):
        found = list(source(shelf.base_url, results=250).search("ball"))
        assert [candidate.title for candidate in found] == [f"Ball {number}" for number in range(230)]
        assert shelf.count(SEARCH_PATH) == 3 and all(hit.status == 200 for hit in shelf.hits)
        assert len(list(source(shelf.base_url, results=101).search("ball"))) == 101
        assert len(list(source(shelf.base_url, results=200).search("ball"))) == 200
        assert shelf.count(SEARCH_PATH) == 3 + 2 + 2

    def test_the_site_leaves_out_what_is_longer(self, shelf, source):
        found = list(source(shelf.base_url, results=500, max_seconds=20.5).search("ball"))
        assert [candidate.title for candidate in found] == [f"Ball {n}" for n in range(230) if 1 + n % 50 <= 20]

    def test_nothing_found_is_no_error(self, shelf, source):
        assert list(source(shelf.base_url).search("zebra quantum")) == []

    def test_more_than_was_asked_for_is_cut(self, answered):
        assert len(answered(page(*({**VIDEO, "uuid": f"u{n}"} for n in range(40))), results=7)) == 7

    @pytest.mark.parametrize(
        ("told", "rule"),
        [
            ({}, None),
            ({"isLive": True}, "live"),
            ({"nsfw": True}, "age_restricted"),
            ({"duration": 21}, "duration"),
            ({"licence": {"id": 4, "label": "Attribution - Non Commercial"}}, "licence"),
            ({"licence": {"id": None, "label": "Unknown"}}, "licence"),
            ({"licence": None}, "licence"),
            ({"language": {"id": "fr", "label": "French"}}, "language"),
        ],
    )
    def test_what_is_told_is_what_the_screen_needs(self, answered, told, rule, tmp_path):
        rules = Rules(ScreenConfig(licences=("CC-BY", "CC-BY-SA"), languages=("en",)), tmp_path)
        (found,) = answered(page({**VIDEO, **told}))
        assert rules.screened(found.to_row()).rule == rule

    @pytest.mark.parametrize("number", LICENCES)
    @pytest.mark.parametrize("label", [None, "", 7])
    def test_a_licence_without_a_label_is_known_by_its_number(self, answered, number, label):
        (found,) = answered(page({**VIDEO, "licence": {"id": number, "label": label}}))
        assert found.licence == LICENCES[number] == normalise(found.licence)


STRANGE = [
    None,
    "",
    [],
    {},
    True,
    -1,
    99.5,
    10**400,
    math.inf,
    "\ud800\x00",
    [None, 7],
    {"id": [], "label": {}, "url": 3},
]


class TestHostileAnswers:
    def test_a_video_without_a_uuid_does_not_lose_its_neighbours(self, answered):
        bad = [{}, None, 7, "text", [], {"uuid": None}, {"uuid": 5}, {"uuid": ""}, {"uuid": ["a"]}, {"name": "none"}]
        found = answered(page({**VIDEO, "uuid": "one"}, *bad, {**VIDEO, "uuid": "two"}), results=50)
        assert [candidate.id for candidate in found] == ["tube_one", "tube_two"]

    def test_a_fact_of_another_type_is_unknown_and_can_be_stored(self, answered):
        told = [{**VIDEO, name: value} for name in VIDEO if name != "uuid" for value in STRANGE]
        pages = [told[start : start + 100] for start in range(0, len(told), 100)]
        found = answered(
            *(page(*({**one, "uuid": f"u{n}"} for one in part)) for n, part in enumerate(pages)), results=len(told)
        )
        assert len(found) == len(told)
        for stored in pa.array([candidate.to_row() for candidate in found], CANDIDATE).to_pylist():
            assert stored["url"].startswith("http") and isinstance(stored["title"], str)
            for number in (stored["seconds"], stored["comments"], stored["watched"]):
                assert number is None or (math.isfinite(number) and number >= 0)
            assert stored["live"] in (None, True, False) and stored["age_limit"] in (None, 18)

    @pytest.mark.parametrize("uuid", ["../../../etc/passwd", "a" * 5000, "\ud800", "x y/z?#%", "A", "\x00"])
    def test_a_strange_uuid_is_an_id_like_any_other(self, site, answered, uuid):
        (found,) = answered(page({**VIDEO, "uuid": uuid, "url": None}))
        assert found.id.isascii() and len(found.id) < 80 and not set(found.id) & set("/. ?#%\x00")
        assert "/" not in found.url.removeprefix(f"{site.url}/videos/watch/")

    @pytest.mark.parametrize(
        "answer",
        [[], 7, None, "text", {}, {"data": None}, {"data": {"a": 1}}, {"data": "abc"}, page({}, {"uuid": None}, 7)],
    )
    def test_an_answer_that_cannot_be_read_is_an_error(self, answered, answer):
        with pytest.raises(SampleError) as caught:
            answered(answer)
        assert caught.value.error_class == "BadAnswer" and not isinstance(caught.value, TransientError)

    def test_a_second_page_that_fails_fails_the_search(self, answered):
        full = page(*({**VIDEO, "uuid": f"u{n}"} for n in range(100)))
        with pytest.raises(TransientError):
            answered(full, json_answer({}, 503), results=150)
