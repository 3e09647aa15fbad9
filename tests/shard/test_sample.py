from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shard.dataset import SHARDS
from vidal.engine.schemas import PROBE_COLUMNS
from vidal.engine.step import Sample
from vidal.harvest.admit import PROVENANCE
from vidal.shard.sample import NORMALISED, ORIGIN, TOLD, ShardSample, best_text, members, text_views


def row(candidate=None, screen=None, **steps):
    """The columns of a sample by step, blank but for those given."""
    return {
        "harvest/candidates": {"title": "Dog #1", **dict.fromkeys((*TOLD[1:], *ORIGIN)), **(candidate or {})},
        "harvest/screen": {"title": "Dog", "hashtags": None, **(screen or {})},
        "harvest/media": dict.fromkeys((*PROBE_COLUMNS, *NORMALISED)),
        "harvest/admit": dict.fromkeys(PROVENANCE),
        **{name.replace("_", "/", 1): columns for name, columns in steps.items()},
    }


def made(columns, content=(), provenance=None, kind="video"):
    return members(columns, Sample("s1", kind, members=dict(content)), provenance or {})


TEXTS = {
    "refined": {"caption_refine": {"polish_mplug": "refined"}},
    "video": {"caption_video": {"mplug": "video"}},
    "told": {"candidate": {"captions": ["", "told", "told later"]}},
    "clean": {"screen": {"title": "clean"}},
    "raw": {"candidate": {"title": "raw"}, "screen": {"title": ""}},
}


def test_the_best_text_is_the_first_there_is():
    told: dict = {}
    for best, texts in reversed(TEXTS.items()):
        for step, columns in texts.items():
            told[step] = {**told.get(step, {}), **columns}
        columns = row(**told)
        assert best_text(columns, text_views(columns)) == best


def test_a_sample_nobody_described_has_an_empty_text():
    columns = row(candidate={"title": ""}, screen={"title": ""})
    assert dict(made(columns))["txt"] == b""


def test_raw_is_the_title_with_its_hashtags():
    assert text_views(row(candidate={"title": "A dog", "hashtags": ["pets", "løb"]}))["raw"] == "A dog #pets #løb"
    assert text_views(row(candidate={"title": "", "hashtags": ["pets"]}))["raw"] == "#pets"


CAME = {"raw": "Dog #a #b", "mplug": "came", "polish_mplug": None, "sound_mplug": "heard", "ofa": [" one", " two"]}


def test_views_that_came_with_a_sample_reach_the_shard():
    found = dict(made(row(candidate={"views": CAME})))
    assert found["raw.txt"] == b"Dog #a #b" and found["mplug.txt"] == found["txt"] == b"came"
    assert (found["ofa0.txt"], found["ofa1.txt"], found["sound_mplug.txt"]) == (b" one", b" two", b"heard")
    assert "polish_mplug.txt" not in found
    assert json.loads(found["json"])["views"] == {name: text for name, text in CAME.items() if text}


def test_a_view_that_is_made_replaces_the_one_that_came():
    views = text_views(
        row(
            candidate={"views": CAME},
            caption_video={"mplug": "made"},
            caption_refine={"polish_mplug": "refined", "sound_mplug": ""},
            caption_keyframes={"ofa": ["x"]},
        )
    )
    assert views == {
        "raw": "Dog #a #b", "mplug": "made", "polish_mplug": "refined", "sound_mplug": "heard", "ofa": ["x"],
    }  # fmt: skip


@pytest.mark.parametrize("came", [None, {}, {"raw": ""}, dict.fromkeys(CAME)])
def test_without_a_raw_text_that_came_it_is_made_of_the_title(came):
    assert text_views(row(candidate={"views": came, "hashtags": ["x"]})) == {"raw": "Dog #1 #x"}


def test_each_view_is_a_member_and_empty_ones_are_none():
    columns = row(
        caption_video={"mplug": "one"},
        caption_refine={"polish_mplug": "", "sound_mplug": None, "prompt_tokens": 1, "answer_tokens": 1},
        caption_keyframes={"ofa": ["x", "ÿ"]},
    )
    found = dict(made(columns))
    assert sorted(found) == ["json", "mplug.txt", "ofa0.txt", "ofa1.txt", "raw.txt", "txt"]
    assert found["ofa1.txt"].decode() == "ÿ"
    assert json.loads(found["json"])["views"] == {"raw": "Dog #1", "mplug": "one", "ofa": ["x", "ÿ"]}


@given(st.permutations(["mp4", "frm0.jpg", "frm1.jpg", "flac", "dep0.png"]))
def test_members_are_in_order_of_name_whatever_came_first(names):
    found = made(row(), {name: name.encode() for name in names})
    assert [name for name, _ in found] == sorted([*names, "json", "raw.txt", "txt"])
    assert all(data == name.encode() for name, data in found if name in names)


def test_the_record_says_where_everything_is_from():
    columns = row(
        candidate={"url": "https://x.example/1", "terms": ["dog"]},
        harvest_admit={**dict.fromkeys(PROVENANCE), "licence": "CC0-1.0"},
        filter_clip={"clip_title": 0.123456789},
        filter_quality={"motion": None},
        generate_depth={"depth_kind": "metric", "depth_scale": 0.001, "depth_offset": 0.0},
        caption_refine={"polish_mplug": "p", "sound_mplug": "s", "prompt_tokens": 3, "answer_tokens": 4},
    )
    provenance = {"generate/depth": {"version": 1, "checkpoint": "c"}, "generate/infrared": {"version": 1}}
    record = json.loads(dict(made(columns, provenance=provenance))["json"])
    assert record["key"] == "s1" and record["kind"] == "video"
    assert record["origin"]["url"] == "https://x.example/1" and record["origin"]["licence"] == "CC0-1.0"
    assert sorted(record["origin"]) == sorted((*ORIGIN, *PROVENANCE)) and sorted(record["probe"]) == sorted(
        PROBE_COLUMNS
    )
    assert record["scores"] == {"clip_title": 0.123457, "motion": None}
    assert record["depth"] == {"kind": "metric", "scale": 0.001, "offset": 0.0}
    assert record["tokens"] == {"prompt": 3, "answer": 4}
    assert record["provenance"] == {"generate/depth": {"version": 1, "checkpoint": "c"}}


def test_what_does_not_apply_is_absent():
    record = json.loads(dict(made(row(), kind="audio"))["json"])
    assert not {"depth", "tokens", "scores", "provenance"} & set(record)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_have_six_digits(value):
    columns = row(filter_clip={"clip_title": value, "list": [value]})
    found = json.loads(dict(made(columns))["json"])["scores"]
    assert math.isclose(found["clip_title"], value, rel_tol=1e-5, abs_tol=1e-300) and found["list"] == [
        found["clip_title"]
    ]
    assert float(f"{value:.6g}") == found["clip_title"]


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_only_the_steps_of_a_kind_are_asked_for(built, kind):
    write = built.nodes(SHARDS)[-1]
    reads = {read.step for read in next(k for k in write.kinds if kind in k.kinds).reads}
    everyones = {"harvest/candidates", "harvest/screen", "harvest/media", "harvest/admit", "filter/sound"}
    clips = {"filter/quality", "generate/depth", "generate/infrared", "caption/refine"}
    assert reads == everyones | (clips if kind == "video" else set())
    assert {type(k) for k in write.kinds} == {ShardSample}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_null(value):
    content = dict(made(row(filter_clip={"clip_title": value})))["json"]
    assert json.loads(content, parse_constant=pytest.fail)["scores"] == {"clip_title": None}
