from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.engine.schemas import VERDICTS
from vidal.filter.config import FilterConfig, RuleConfig
from vidal.filter.verdicts import FACTS, verdicts

SCORES = {"quality": ("motion", "silence"), "clip": ("clip_title",)}
TYPES = {
    "kind": pa.string(),
    "duplicate": pa.bool_(),
    "seconds": pa.float64(),
    "fps": pa.float64(),
    "width": pa.int32(),
    "height": pa.int32(),
    "audio_seconds": pa.float64(),
    "source_sha256": pa.string(),
    "motion": pa.float32(),
    "silence": pa.float32(),
    "clip_title": pa.float32(),
}


def rule(name, where, action="drop"):
    return RuleConfig(name=name, where=where, action=action)


def media(*rows):
    """Rows of `harvest/media`: a file of its own for each sample, ok, in part 0, unless a row says otherwise."""
    known = {"kind": "video", "status": "ok", "part": 0}
    full = [{**known, "source_sha256": f"file of {row['id']}", **row} for row in rows]
    fields = [("id", pa.string()), ("kind", pa.string()), ("status", pa.string())]
    return pa.Table.from_pylist(
        full, pa.schema([*fields, *((name, TYPES[name]) for name in FACTS), ("part", pa.int64())])
    )


def score(name, *rows):
    """Rows of one score's step."""
    fields = [("id", pa.string()), ("status", pa.string()), *((column, TYPES[column]) for column in SCORES[name])]
    full = [{"status": "ok", "part": 0, **row} for row in rows]
    return pa.Table.from_pylist(full, pa.schema([*fields, ("part", pa.int64())]))


def judge(rows, rules, **scores):
    """The verdicts of media rows and score rows, by id."""
    tables = {f"filter/{name}": score(name, *scores.get(name, ())) for name in SCORES}
    found = verdicts(media(*rows), tables, rules, TYPES)
    assert found.schema.equals(VERDICTS)
    return {row["id"]: row for row in found.to_pylist()}


def test_the_first_drop_that_holds_is_the_rule():
    rules = [
        rule("odd", "motion > 0.1", "flag"),
        rule("still", "motion < 0.5"),
        rule("mismatch", "clip_title < 0.5"),
        rule("late", "motion < 0.9", "flag"),
    ]
    found = judge(
        [{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}],
        rules,
        quality=[{"id": id_, "motion": motion} for id_, motion in zip("abcd", (0.2, 0.2, 0.8, 1.0), strict=True)],
        clip=[{"id": id_, "clip_title": value} for id_, value in zip("abcd", (0.2, 0.9, 0.2, 0.9), strict=True)],
    )
    told = {id_: (row["kept"], row["rule"], row["flags"]) for id_, row in found.items()}
    assert told == {
        "a": (False, "still", ["odd", "late"]),
        "b": (False, "still", ["odd", "late"]),
        "c": (False, "mismatch", ["odd", "late"]),
        "d": (True, None, ["odd"]),
    }
    swapped = judge(
        [{"id": "a"}],
        [rules[2], rules[1]],
        quality=[{"id": "a", "motion": 0.2}],
        clip=[{"id": "a", "clip_title": 0.2}],
    )
    assert swapped["a"]["rule"] == "mismatch"


def test_without_rules_all_is_kept():
    found = judge([{"id": "a"}, {"id": "b", "kind": "audio"}], [])
    assert [(row["id"], row["kind"], row["kept"], row["rule"]) for row in found.values()] == [
        ("a", "video", True, None),
        ("b", "audio", True, None),
    ]


def test_a_score_that_is_null_or_absent_makes_no_condition_hold():
    rules = [rule("low", "clip_title < 0.5"), rule("not_high", "NOT (clip_title >= 0.5)")]
    rows = [{"id": "none"}, {"id": "null"}, {"id": "low"}, {"id": "sound", "kind": "audio"}]
    found = judge(rows, rules, clip=[{"id": "null", "clip_title": None}, {"id": "low", "clip_title": 0.1}])
    assert {id_: row["rule"] for id_, row in found.items()} == {"none": None, "null": None, "low": "low", "sound": None}
    unscored = judge(rows, [rule("unscored", "clip_title IS NULL AND kind = 'video'")], clip=[])
    assert {id_ for id_, row in unscored.items() if not row["kept"]} == {"none", "null", "low"}


def test_a_sample_with_a_failed_score_is_not_kept_and_was_not_rejected():
    rules = [rule("still", "motion < 0.5"), rule("seen", "motion < 0.5", "flag")]
    rows = [{"id": "ok"}, {"id": "failed"}, {"id": "both"}]
    found = judge(
        rows,
        rules,
        quality=[{"id": "ok", "motion": 0.9}, {"id": "failed", "motion": 0.9}, {"id": "both", "motion": 0.1}],
        clip=[{"id": "ok"}, {"id": "failed", "status": "failed"}, {"id": "both", "status": "failed"}],
    )
    told = {id_: (row["kept"], row["rule"], row["failed"]) for id_, row in found.items()}
    assert told == {
        "ok": (True, None, []),
        "failed": (False, None, ["filter/clip"]),
        "both": (False, None, ["filter/clip"]),
    }


def test_every_failed_score_is_listed():
    bad = {"id": "a", "status": "failed"}
    assert judge([{"id": "a"}], [], quality=[bad], clip=[bad])["a"]["failed"] == ["filter/quality", "filter/clip"]


def test_samples_whose_media_failed_have_no_verdict():
    rows = [{"id": "a"}, {"id": "b", "status": "failed"}, {"id": "c", "status": "rejected"}]
    assert list(judge(rows, [])) == ["a"]


def test_all_but_the_first_of_equal_files_are_duplicates():
    rows = [
        {"id": "c", "source_sha256": "x", "part": 0},
        {"id": "b", "source_sha256": "x", "part": 7},
        {"id": "a", "source_sha256": "x", "status": "failed"},
        {"id": "d", "source_sha256": "y"},
    ]
    found = judge(rows, [rule("duplicate", "duplicate")])
    assert {id_: row["rule"] for id_, row in found.items()} == {"b": None, "c": "duplicate", "d": None}


def test_rules_see_the_facts_of_the_media():
    rules = [
        rule("small", "width < 200"),
        rule("slow", "fps < 10"),
        rule("short", "seconds < 1"),
        rule("deaf", "audio_seconds IS NULL"),
    ]
    good = {"width": 256, "fps": 25.0, "seconds": 2.0, "audio_seconds": 2.0}
    changes = {"a": {}, "b": {"width": 64}, "c": {"fps": 5.0}, "d": {"seconds": 0.5}, "e": {"audio_seconds": None}}
    found = judge([{"id": id_, **good, **change} for id_, change in changes.items()], rules)
    assert [row["rule"] for row in found.values()] == [None, "small", "slow", "short", "deaf"]


def test_the_default_rules():
    rows = [{"id": id_, "kind": "audio" if id_ == "still_sound" else "video"} for id_ in ("good", "dull", "quiet")]
    rows += [{"id": "still_sound", "kind": "audio"}, {"id": "mute"}]
    quality = [
        {"id": "good", "motion": 0.03, "silence": 0.98},
        {"id": "dull", "motion": 0.029, "silence": 0.0},
        {"id": "quiet", "motion": 0.5, "silence": 0.99},
        {"id": "still_sound", "motion": 0.0, "silence": 0.0},
        {"id": "mute", "motion": 0.5, "silence": None},
    ]
    found = judge(rows, FilterConfig().rules, quality=quality)
    assert {id_: row["rule"] for id_, row in found.items()} == {
        "good": None,
        "dull": "still",
        "quiet": "silence",
        "still_sound": None,
        "mute": None,
    }


def test_no_samples_have_no_verdicts():
    assert judge([], FilterConfig().rules) == {}
    scores = [("motion", pa.null()), ("silence", pa.null()), ("clip_title", pa.null())]
    untyped = pa.schema([("id", pa.string()), ("status", pa.string()), *scores, ("part", pa.int64())])
    rules = [rule("still", "motion < 0.1")]
    found = verdicts(media({"id": "a"}), {"filter/all": untyped.empty_table()}, rules, TYPES)
    assert found.column("kept").to_pylist() == [True]


values = st.none() | st.floats(0, 1, width=32)
samples = st.lists(
    st.tuples(values, values, st.sampled_from(["ok", "failed"]), st.integers(0, 3), st.integers(0, 2)), max_size=12
)


@given(samples, st.floats(0, 1, width=32), st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_verdicts_are_a_function_of_scores_and_rules_and_not_of_the_order(drawn, threshold, chance):
    rules = [
        rule("duplicate", "duplicate"),
        rule("still", f"motion < {threshold!r}::FLOAT"),
        rule("mismatch", "clip_title < motion"),
        rule("high", "clip_title > 0.5", "flag"),
    ]
    rows = [{"id": f"s{n:02d}", "source_sha256": f"x{file}", "part": part} for n, (*_, file, part) in enumerate(drawn)]
    quality = [{"id": f"s{n:02d}", "motion": motion} for n, (motion, *_) in enumerate(drawn)]
    clip = [
        {"id": f"s{n:02d}", "status": status, "clip_title": agreement if status == "ok" else None}
        for n, (_, agreement, status, _, _) in enumerate(drawn)
    ]
    found = judge(rows, rules, quality=quality, clip=clip)
    assert list(found) == [row["id"] for row in sorted(rows, key=lambda row: (row["part"], row["id"]))]
    seen = set()
    for n, (motion, agreement, status, file, part) in enumerate(drawn):
        holds = {
            "duplicate": file in seen,
            "still": motion is not None and motion < threshold,
            "mismatch": status == "ok" and None not in (motion, agreement) and agreement < motion,
        }
        seen.add(file)
        dropping = next((name for name, yes in holds.items() if yes), None) if status == "ok" else None
        expected = {
            "id": f"s{n:02d}",
            "kind": "video",
            "part": part,
            "kept": status == "ok" and dropping is None,
            "rule": dropping,
            "failed": [] if status == "ok" else ["filter/clip"],
            "flags": ["high"] if status == "ok" and agreement is not None and agreement > 0.5 else [],
        }
        assert found[f"s{n:02d}"] == expected
    for table in (rows, quality, clip):
        chance.shuffle(table)
    assert list(judge(rows, rules, quality=quality, clip=clip).items()) == list(found.items())


@pytest.mark.parametrize("name", ["Still", "a b", "", "1st", "drop-it", "x'; --", "é"])
def test_names_of_rules_are_plain_words(name):
    with pytest.raises(ValueError, match="name"):
        rule(name, "true")
