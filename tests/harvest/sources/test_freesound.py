from __future__ import annotations

import json
import math
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.demo.freesound import SEARCH_PATHS, filtering
from vidal.demo.sites import Sites
from vidal.demo.trouble import catalogue
from vidal.engine.errors import MissingError, SampleError, TransientError
from vidal.engine.schemas import CANDIDATE
from vidal.harvest.sources import Order, open_source
from vidal.harvest.sources.freesound import FIELDS, FreesoundConfig, filter_of, query_of

SEARCH = SEARCH_PATHS[0]
SECRET, OAUTH = "tok3n-that-nobody-may-see", "0auth-that-nobody-may-see"
SOUND = {
    "id": 415180,
    "name": "Dog  barking\n03.wav",
    "tags": ["dog", "bark"],
    "description": "A dog <b>barks</b>.",
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "duration": 4.25,
    "username": "recordist",
    "created": "2018-01-02T03:04:05",
    "previews": {
        "preview-hq-mp3": "https://cdn.freesound.org/previews/415/415180_828493-hq.mp3",
        "preview-hq-ogg": "https://cdn.freesound.org/previews/415/415180_828493-hq.ogg",
    },
    "avg_rating": 4.5,
    "num_ratings": 8,
    "num_downloads": 42,
    "num_comments": 3,
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("FREESOUND_API_KEY", SECRET)
    monkeypatch.setenv("FREESOUND_OAUTH", OAUTH)


@pytest.fixture
def source(network, tmp_path):
    """A source at an address, asked through a network that may reach loopback."""

    def make(url, **given):
        config = FreesoundConfig(type="freesound", name="sounds", url=url, **given)
        return open_source(config, tmp_path, network())

    return make


@pytest.fixture
def answered(site, source):
    """What a source finds where the site answers with these pages, one after the other."""

    def run(*pages, **given):
        site.answers[SEARCH] = [page if isinstance(page, tuple) else json_answer(page) for page in pages]
        return list(source(site.url, **given).search("barking dog"))

    return run


@pytest.fixture
def shelf(tmp_path):
    """The demo's sound site with 320 sounds, which reads requests as Freesound documents them."""
    sound = next(entry for entry in catalogue(0) if entry.kind == "audio")
    entries = [
        replace(sound, id=str(1000 + n), title=f"Bell {n}", scene=replace(sound.scene, index=n), duration=1.0 + n / 10)
        for n in range(320)
    ]
    with Sites(tmp_path, entries) as sites:
        yield sites
        assert sites.errors == []


def json_answer(value, status=200):
    """A number without end is written as JSON can: too large."""
    text = json.dumps(value).replace("Infinity", "1e999")
    return status, {"Content-Type": "application/json"}, text.encode()


def page(*sounds, next=None):
    return {"count": len(sounds), "next": next, "previous": None, "results": list(sounds)}


def order(url, tmp_path):
    return Order(url, "audio", tmp_path / "media", 1_000_000)


class TestSearch:
    def test_all_that_is_known_of_a_sound_comes_with_the_search(self, site, answered):
        (found,) = answered(page(SOUND))
        assert found.id == "sounds_415180" and found.kind == "audio" and found.source == "sounds"
        assert found.url == SOUND["previews"]["preview-hq-ogg"] and found.title == "Dog barking 03.wav"
        assert found.hashtags == ("dog", "bark") and found.description == SOUND["description"]
        assert (found.seconds, found.rating, found.downloads, found.comments) == (4.25, 0.9, 42, 3)
        assert found.licence == SOUND["license"] and found.published == SOUND["created"]
        assert found.uploader == found.uploader_id == "recordist"
        assert site.paths() == [SEARCH]

    def test_a_request_is_made_as_documented(self, site, answered):
        answered(
            page(SOUND), results=500, min_seconds=1, max_seconds=20.5, min_rating=3, licences=("Creative Commons 0",)
        )
        _, query, headers = site.asked[0]
        assert headers["authorization"] == f"Token {SECRET}"
        assert set(query) == {"query", "fields", "filter", "page", "page_size"}
        assert (query["query"], query["page"], query["page_size"]) == ("barking dog", "1", "150")
        assert set(query["fields"].split(",")) == set(SOUND) == set(FIELDS.split(","))
        assert filtering(query["filter"])

    def test_pages_are_asked_for_until_there_are_enough(self, shelf, source):
        found = list(source(shelf.base_url, results=320).search("bell"))
        assert [candidate.title for candidate in found] == [f"Bell {number}" for number in range(320)]
        assert shelf.count(SEARCH) == 3 and all(hit.status == 200 for hit in shelf.hits)
        assert len(list(source(shelf.base_url, results=151).search("bell"))) == 151
        assert len(list(source(shelf.base_url, results=150).search("bell"))) == 150
        assert shelf.count(SEARCH) == 3 + 2 + 1
        assert len(list(source(shelf.base_url, results=1000).search("bell"))) == 320

    def test_nothing_found_is_no_error(self, shelf, source):
        assert list(source(shelf.base_url).search("zebra quantum")) == []

    @pytest.mark.parametrize(
        ("given", "passes"),
        [
            ({"min_seconds": 3.0, "max_seconds": 3.5}, lambda n: 3.0 <= 1 + n / 10 <= 3.5),
            ({"max_seconds": 2.0}, lambda n: 1 + n / 10 <= 2.0),
            ({"min_seconds": 30.0}, lambda n: 1 + n / 10 >= 30.0),
            ({"min_rating": 4.5}, lambda n: 3 + n % 20 / 10 >= 4.5),
            ({"min_downloads": 800}, lambda n: 5 + 3 * n >= 800),
            ({"licences": ("Attribution",)}, lambda n: n % 2 == 1),
            ({"licences": ("Creative Commons 0", "Attribution")}, lambda n: True),
            ({"licences": ("Attribution NonCommercial",)}, lambda n: False),
            ({"licences": ("Attribution",), "min_downloads": 800, "min_rating": 4.0, "max_seconds": 30.0},
             lambda n: n % 2 == 1 and 5 + 3 * n >= 800 and n % 20 >= 10 and 1 + n / 10 <= 30.0),
        ],
    )  # fmt: skip
    def test_the_site_filters(self, shelf, source, given, passes):
        found = list(source(shelf.base_url, results=500, **given).search("bell"))
        assert [candidate.title for candidate in found] == [f"Bell {n}" for n in range(320) if passes(n)]

    def test_a_term_without_words_would_find_every_sound_and_asks_nothing(self, site, source):
        for term in ("", " ", '"" - +'):
            assert list(source(site.url).search(term)) == []
        assert site.asked == []

    def test_a_page_that_goes_on_and_on_with_nothing_ends(self, site, answered):
        assert len(answered(page(SOUND, next="x"), page(next="x"), results=500)) == 1
        assert len(site.asked) == 2

    def test_more_than_was_asked_for_is_cut(self, answered):
        assert len(answered(page(*({**SOUND, "id": n} for n in range(40))), results=7)) == 7


class TestSecrets:
    @pytest.mark.parametrize("value", [None, "", "  \n"])
    @pytest.mark.parametrize("variable", ["FREESOUND_API_KEY", "MY_TOKEN"])
    def test_a_missing_token_is_one_message(self, site, source, monkeypatch, value, variable):
        monkeypatch.delenv("FREESOUND_API_KEY")
        if value is not None:
            monkeypatch.setenv(variable, value)
        with pytest.raises(MissingError) as caught:
            list(source(site.url, token_env=variable).search("dog"))
        assert "harvest source sounds" in str(caught.value) and variable in str(caught.value)
        assert "\n" not in str(caught.value) and site.asked == []

    @pytest.mark.parametrize("value", [f"{SECRET}\nX-Evil: 1", f"{SECRET} {SECRET}", f"{SECRET}é", f"\udcff{SECRET}"])
    def test_what_can_be_no_token_is_not_sent_or_shown(self, site, source, monkeypatch, value):
        monkeypatch.setenv("FREESOUND_API_KEY", value)
        with pytest.raises(MissingError, match="FREESOUND_API_KEY") as caught:
            list(source(site.url).search("dog"))
        assert SECRET not in str(caught.value) and site.asked == []

    def test_space_around_a_token_is_nothing(self, site, answered, monkeypatch):
        monkeypatch.setenv("FREESOUND_API_KEY", f" {SECRET}\n")
        assert len(answered(page(SOUND))) == 1 and site.headers("authorization") == [f"Token {SECRET}"]

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refused_token_ends_the_build_with_one_message(self, answered, status):
        with pytest.raises(MissingError) as caught:
            answered(json_answer({"detail": f"Invalid token {SECRET}"}, status))
        message = str(caught.value)
        assert "FREESOUND_API_KEY" in message and f"HTTP {status}" in message and "\n" not in message
        assert SECRET not in message

    @pytest.mark.parametrize(
        "answer",
        [
            json_answer({"detail": SECRET}, 400),
            json_answer({"detail": SECRET}, 404),
            json_answer({"detail": SECRET}, 429),
            json_answer({"detail": SECRET}, 500),
            (200, {"Content-Type": "application/json"}, b"{not json"),
            (200, {"Content-Type": "application/json", "Content-Length": "999"}, b"{}"),
            (302, {"Location": "http://127.0.0.1:9/"}, b""),
            (302, {"Location": "file:///etc/passwd"}, b""),
            json_answer([SECRET]),
        ],
    )
    def test_no_error_shows_a_secret(self, answered, answer):
        with pytest.raises(SampleError) as caught:
            answered(answer)
        assert SECRET not in str(caught.value) and SECRET not in repr(caught.value.__cause__)

    def test_the_token_does_not_follow_to_another_host(self, site, other, source):
        site.answers[SEARCH] = (302, {"Location": f"{other.url}/elsewhere"}, b"")
        other.answers["/elsewhere"] = json_answer(page(SOUND))
        assert len(list(source(site.url).search("dog"))) == 1
        assert site.headers("authorization") == [f"Token {SECRET}"] and other.headers("authorization") == [None]


NAMELESS = [
    {}, None, 7, "text", [], {"id": None}, {"id": "415181"}, {"id": True}, {"id": -1}, {"id": 1.5}, {"id": math.inf},
    {"id": {"a": 1}}, {"id": 10**30}, {"name": "no id"},
]  # fmt: skip
STRANGE = [None, "", [], {}, True, -1, 99.5, 10**400, math.inf, "\ud800\x00", [None, 7, {}, "\udfff"], {"a": []}]


class TestHostileAnswers:
    def test_a_sound_without_a_number_does_not_lose_its_neighbours(self, answered):
        found = answered(page({**SOUND, "id": 1}, *NAMELESS, {**SOUND, "id": 2}), results=50)
        assert [candidate.id for candidate in found] == ["sounds_1", "sounds_2"]

    def test_a_fact_of_another_type_is_unknown_and_can_be_stored(self, answered):
        told = [{**SOUND, name: value} for name in SOUND if name != "id" for value in STRANGE]
        found = answered(page(*({**sound, "id": number} for number, sound in enumerate(told))), results=1000)
        assert [candidate.id for candidate in found] == [f"sounds_{number}" for number in range(len(told))]
        for stored in pa.array([candidate.to_row() for candidate in found], CANDIDATE).to_pylist():
            assert stored["url"].startswith("http") and isinstance(stored["title"], str)
            for number in (stored["seconds"], stored["rating"], stored["downloads"], stored["comments"]):
                assert number is None or (math.isfinite(number) and number >= 0)
            assert stored["rating"] is None or stored["rating"] <= 1.0

    @pytest.mark.parametrize("num_ratings", [0, None, "8"])
    def test_what_nobody_rated_has_no_rating(self, answered, num_ratings):
        assert answered(page({**SOUND, "avg_rating": 0.0, "num_ratings": num_ratings}))[0].rating is None

    def test_the_best_preview_there_is_is_taken(self, answered):
        only = {"preview-hq-mp3": SOUND["previews"]["preview-hq-mp3"], "preview-hq-ogg": "javascript:alert(1)"}
        assert answered(page({**SOUND, "previews": only}))[0].url == only["preview-hq-mp3"]

    @pytest.mark.parametrize(
        "previews", [None, {}, [], "x", {"preview-hq-ogg": None}, {"preview-hq-ogg": "file:///etc/passwd"}]
    )
    def test_a_sound_without_a_preview_keeps_its_row_and_says_why_it_has_no_media(
        self, site, answered, source, tmp_path, previews
    ):
        first, second = answered(page({**SOUND, "previews": previews}, {**SOUND, "id": 2}))
        assert second.url == SOUND["previews"]["preview-hq-ogg"]
        asked = len(site.asked)
        with pytest.raises(SampleError, match="no preview") as caught:
            source(site.url).fetch(order(first.url, tmp_path))
        assert caught.value.error_class == "NoPreview" and not isinstance(caught.value, TransientError)
        assert len(site.asked) == asked

    @pytest.mark.parametrize(
        "answer",
        [
            [],
            7,
            None,
            "text",
            {},
            {"results": None},
            {"results": {"a": 1}},
            {"results": "abc"},
            page({}, {"id": None}, 7),
        ],
    )
    def test_an_answer_that_cannot_be_read_is_an_error(self, answered, answer):
        with pytest.raises(SampleError) as caught:
            answered(answer)
        assert caught.value.error_class == "BadAnswer" and not isinstance(caught.value, TransientError)

    def test_a_second_page_that_fails_fails_the_search(self, site, answered):
        with pytest.raises(TransientError):
            answered(page(SOUND, next="x"), json_answer({}, 503), results=500)


class TestFetch:
    def test_a_preview_is_fetched_without_any_token(self, site, other, source, tmp_path):
        other.answers["/previews/1-hq.ogg"] = (200, {}, b"sound")
        fetched = source(site.url, oauth_env="FREESOUND_OAUTH").fetch(order(f"{other.url}/previews/1-hq.ogg", tmp_path))
        assert fetched.path.read_bytes() == b"sound" and other.headers("authorization") == [None]
        site.answers["/previews/1-hq.ogg"] = (200, {}, b"sound")
        source(site.url).fetch(order(f"{site.url}/previews/1-hq.ogg", tmp_path))
        assert site.headers("authorization") == [None]

    def test_an_original_is_fetched_as_who_the_environment_says(self, site, answered, source, tmp_path):
        (found,) = answered(page(SOUND), oauth_env="FREESOUND_OAUTH")
        assert found.url == f"{site.url}/apiv2/sounds/415180/download/"
        site.answers["/apiv2/sounds/415180/download/"] = (200, {}, b"original")
        fetched = source(site.url, oauth_env="FREESOUND_OAUTH").fetch(order(found.url, tmp_path))
        assert fetched.path.read_bytes() == b"original"
        assert site.headers("authorization") == [f"Token {SECRET}", f"Bearer {OAUTH}"]

    def test_the_bearer_does_not_follow_to_another_host(self, site, other, source, tmp_path):
        site.answers["/apiv2/sounds/1/download/"] = (302, {"Location": f"{other.url}/stored"}, b"")
        other.answers["/stored"] = (200, {}, b"original")
        url = f"{site.url}/apiv2/sounds/1/download/"
        assert (
            source(site.url, oauth_env="FREESOUND_OAUTH").fetch(order(url, tmp_path)).path.read_bytes() == b"original"
        )
        assert site.headers("authorization") == [f"Bearer {OAUTH}"] and other.headers("authorization") == [None]

    @pytest.mark.parametrize("prefix", ["{other}/apiv2/", "{site}.evil.example/apiv2/", "{site}@127.0.0.1:9/apiv2/"])
    def test_the_bearer_goes_to_no_address_that_only_looks_like_the_api(self, site, other, source, tmp_path, prefix):
        url = prefix.format(site=site.url, other=other.url) + "sounds/1/download/"
        with pytest.raises(SampleError) as caught:
            source(site.url, oauth_env="FREESOUND_OAUTH").fetch(order(url, tmp_path))
        assert OAUTH not in str(caught.value) and f"Bearer {OAUTH}" not in other.headers("authorization")

    def test_an_expired_oauth_token_is_no_sounds_fault(self, site, source, tmp_path):
        site.answers["/apiv2/sounds/1/download/"] = json_answer({"detail": "Expired"}, 401)
        with pytest.raises(MissingError, match="FREESOUND_OAUTH") as caught:
            source(site.url, oauth_env="FREESOUND_OAUTH").fetch(order(f"{site.url}/apiv2/sounds/1/download/", tmp_path))
        assert OAUTH not in str(caught.value)

    def test_a_missing_oauth_token_is_one_message(self, site, source, tmp_path, monkeypatch):
        monkeypatch.delenv("FREESOUND_OAUTH")
        with pytest.raises(MissingError, match="sounds: the environment variable FREESOUND_OAUTH is not set"):
            source(site.url, oauth_env="FREESOUND_OAUTH").fetch(order(f"{site.url}/apiv2/sounds/1/download/", tmp_path))
        assert site.asked == []

    @pytest.mark.parametrize(("status", "error_class"), [(404, "NotFound"), (410, "NotFound"), (403, "Refused")])
    def test_a_preview_that_is_gone_is_the_sounds_fault(self, site, source, tmp_path, status, error_class):
        site.answers["/p.ogg"] = (status, {}, b"")
        with pytest.raises(SampleError) as caught:
            source(site.url).fetch(order(f"{site.url}/p.ogg", tmp_path))
        assert caught.value.error_class == error_class

    def test_originals_are_limited_by_the_day(self, source):
        assert source("https://freesound.org").per_hour is None
        assert source("https://freesound.org", oauth_env="FREESOUND_OAUTH").per_hour * 24 == 2000


BOUND = st.none() | st.floats(0, 1e6) | st.integers(0, 10_000)
LICENCES = ["Attribution", "Attribution NonCommercial", "Creative Commons 0"]


@given(
    BOUND,
    st.none() | st.floats(0.001, 1e6),
    st.none() | st.floats(0, 5),
    st.none() | st.integers(0, 10**9),
    st.lists(st.sampled_from(LICENCES), unique=True),
)
def test_every_filter_can_be_read_as_documented(least, most, rating, downloads, licences):
    config = FreesoundConfig(
        type="freesound", name="f", min_seconds=least, max_seconds=most, min_rating=rating, min_downloads=downloads,
        licences=licences,
    )  # fmt: skip
    text = filter_of(config)
    passes = filtering(text)
    assert passes is not None
    sound = {"duration": most or (least or 0) + 1, "avg_rating": 5.0, "num_downloads": 10**9}
    licence = "https://creativecommons.org/licenses/by/4.0/"
    wanted = (not licences or "Attribution" in licences) and (most is None or (least or 0) <= most)
    slack = most is not None and abs(most - round(most, 6)) > 0
    assert slack or passes({**sound, "license": licence}) == wanted
    assert (text == "") == (least is None and most is None and rating is None and downloads is None and not licences)


@given(st.text())
def test_a_query_has_no_signs_of_its_own(term):
    asked = query_of(term)
    assert '"' not in asked and not any(word[0] in "+-" for word in asked.split(" ") if word)
    assert query_of(asked) == asked == " ".join(asked.split())


@pytest.mark.parametrize(
    ("term", "asked"),
    [
        ("barking dog", "barking dog"),
        ("t-shirt", "t-shirt"),
        ("-dog +cat", "dog cat"),
        ('rock "n" roll', "rock n roll"),
    ],
)
def test_queries(term, asked):
    assert query_of(term) == asked
