from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.harvest.screening.addresses import address
from vidal.harvest.sources import Order, open_source, vidal_release
from vidal.harvest.sources.vidal_release import VidalReleaseConfig, youtube_id

ENTRY = {
    "folder": "coco_vat_9",
    "mplug": "This video describes a dog.",
    "polish_mplug": "a dog runs.",
    "ofa": [f" a dog {number}" for number in range(8)],
    "sound_mplug": "barking.",
    "raw": "Мой пёс 🐶 runs #dog #shorts",
}


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    monkeypatch.setattr(vidal_release, "ENTRIES", 4)


def ids(count):
    return [f"AbC-{number:06d}_" for number in range(count)]


def source(tmp_path, content, name="release.json"):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return open_source(VidalReleaseConfig(type="vidal-release", name="vidal10m", path=name), tmp_path)


def found(release):
    release.check()
    parts = list(release.listed())
    assert [part.name for part in parts] == sorted({part.name for part in parts})
    return [candidate for part in parts for candidate in release.search(part.name)]


@pytest.mark.parametrize("name", ["release.json", "release.json.gz"])
@pytest.mark.parametrize("form", [{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (",", ":")}])
def test_every_id_is_a_candidate_with_its_texts(tmp_path, name, form):
    told = {id_: {**ENTRY, "mplug": id_} for id_ in ids(10)}
    release = source(tmp_path, json.dumps(told, **form).encode(), name)
    candidates = found(release)
    assert len(list(release.listed())) == 3
    assert [address(one.url) for one in candidates] == [f"youtube:{id_}" for id_ in told]
    assert [one.views["mplug"] for one in candidates] == list(told)
    first = candidates[0]
    assert (first.title, first.hashtags) == ("Мой пёс 🐶 runs", ("dog", "shorts"))
    assert first.views == {name: text for name, text in told["AbC-000000_"].items() if name != "folder"}
    assert (first.kind, first.source) == ("video", "vidal10m") and first.id.startswith("vidal10m_abc-000000")
    assert len({one.id for one in candidates}) == 10


def test_a_changed_entry_makes_only_its_slice_stale(tmp_path):
    told = {id_: ENTRY for id_ in ids(12)}
    before = list(source(tmp_path, told).listed())
    assert before == list(source(tmp_path, told).listed())
    after = list(source(tmp_path, {**told, ids(12)[5]: {**ENTRY, "mplug": ENTRY["mplug"].upper()}}).listed())
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    longer = list(source(tmp_path, {**told, "new": ENTRY}).listed())
    assert longer[:3] == before and len(longer) == 4


def test_a_slice_of_long_texts_ends_by_its_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(vidal_release, "SLICE_BYTES", 1000)
    release = source(tmp_path, {id_: {"mplug": "x" * 600} for id_ in ids(3)})
    assert len(list(release.listed())) == 3 and len(found(release)) == 3


@pytest.mark.parametrize(
    ("entry", "views"),
    [
        ({"raw": "A dog", "mplug": None, "ofa": "a dog"}, {"raw": "A dog"}),
        ({"raw": "A dog", "ofa": [" a", 3], "polish_mplug": {"x": 1}}, {"raw": "A dog"}),
        ({"raw": 3, "mplug": "m", "ofa": []}, {"mplug": "m", "ofa": []}),
        ({"unknown": "x"}, None),
        ({}, None),
        ([], None),
        ("text", None),
        (None, None),
    ],
)
def test_of_a_wrong_entry_the_rest_is_taken_and_no_id_is_lost(tmp_path, entry, views):
    candidates = found(source(tmp_path, {"first": ENTRY, "wrong": entry, "last": ENTRY}))
    assert [one.url.rpartition("=")[2] for one in candidates] == ["first", "wrong", "last"]
    assert candidates[1].views == views and candidates[1].title == (views or {}).get("raw", "")
    assert candidates[0].views == candidates[2].views != views


@pytest.mark.parametrize("id_", ["../../etc/passwd", "a&list=PL1", "a b", "", "ид", "\ud800", "http://127.0.0.1/"])
def test_an_id_is_never_more_than_an_id(tmp_path, id_):
    [one] = found(source(tmp_path, {id_: ENTRY}))
    assert one.url.startswith("https://www.youtube.com/watch?v=") and one.url.count("&") == 0
    assert "/" not in one.id and one.url.isascii()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[]", r"byte 0 of .*release\.json: not a JSON object"),
        (b"", r"not a JSON object"),
        (b"{}", r"release\.json holds no ids"),
        (b'{"a": 3}', r"'a' is no entry of the form \{folder, mplug"),
        (b'{"info": {}, "annotations": []}', r"'info' is no entry of the form"),
    ],
)
def test_another_file_is_refused_before_a_build(tmp_path, content, says):
    with pytest.raises(ConfigError, match=rf"^harvest source vidal10m: .*{says}"):
        source(tmp_path, content).check()


def test_an_absent_file_is_refused_before_a_build(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.json does not exist"):
        open_source(VidalReleaseConfig(type="vidal-release", name="v", path="none.json"), tmp_path).check()


@pytest.mark.parametrize("name", ["release.json", "release.json.gz"])
def test_a_file_that_was_not_fetched_whole_is_refused_with_the_place(tmp_path, name):
    content = json.dumps({id_: ENTRY for id_ in ids(9)}).encode()
    place = content.index(b', "AbC-000008_')
    release = source(tmp_path, content[:-20], name)
    release.check()
    with pytest.raises(ConfigError, match=rf"byte {place:,} of .*release\.json.*fetched whole\?"):
        list(release.listed())


def test_a_file_that_changed_since_it_was_listed_ends_the_search(tmp_path):
    release = source(tmp_path, {id_: ENTRY for id_ in ids(4)})
    [part] = release.listed()
    source(tmp_path, {"longer" * 30: ENTRY, **{id_: ENTRY for id_ in ids(4)}})
    with pytest.raises(ConfigError, match="not the members of an object"):
        list(release.search(part.name))


def test_a_clip_is_fetched_at_the_pace_of_youtube(tmp_path, monkeypatch):
    release, asked = source(tmp_path, {"a": ENTRY}), []
    monkeypatch.setattr(release.youtube, "fetch", lambda order: asked.append(order.url))
    release.fetch(Order(found(release)[0].url, "video", tmp_path, 1))
    assert asked == ["https://www.youtube.com/watch?v=a"] and release.per_hour == release.youtube.per_hour == 300


@given(st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True))
def test_the_id_of_a_video_is_known_by_its_address(id_):
    for form in ("https://www.youtube.com/watch?v={}", "https://youtu.be/{}", "https://youtube.com/shorts/{}?x=1"):
        assert youtube_id(form.format(id_)) == id_
    assert youtube_id(f"https://x.example/watch?v={id_}") is None
