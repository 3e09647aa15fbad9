from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.engine.schemas import VERDICTS
from vidal.filter.conditions import values as values_of
from vidal.filter.config import FilterConfig, RuleConfig
from vidal.filter.rules import holding, verdicts

TYPES = {
    "id": pa.string(),
    "kind": pa.string(),
    "part": pa.int64(),
    "motion": pa.float32(),
    "silence": pa.float32(),
    "clip_title": pa.float32(),
    "duplicate": pa.bool_(),
    "failed": pa.list_(pa.string()),
}


def rule(name, where, action="drop", **more):
    return RuleConfig(name=name, where=where, action=action, **more)


def table(*rows):
    known = {"kind": "video", "part": 0, "duplicate": False, "failed": []}
    return pa.Table.from_pylist([{**known, **row} for row in rows], pa.schema(list(TYPES.items())))


def judge(rows, rules):
    """The verdicts of rows, by id."""
    found = verdicts(table(*rows), rules)
    assert found.schema.equals(VERDICTS)
    return {row["id"]: row for row in found.to_pylist()}


def rules_of(rows, rules):
    return {id_: row["rule"] for id_, row in judge(rows, rules).items()}


def test_the_first_rule_that_holds_and_decides_is_the_sample_s():
    rules = [
        rule("odd", "motion > 0.1", "flag"),
        rule("still", "motion < 0.5"),
        rule("mismatch", "clip_title < 0.5"),
        rule("late", "motion < 0.9", "flag"),
    ]
    scores = {"a": (0.2, 0.2), "b": (0.2, 0.9), "c": (0.8, 0.2), "d": (1.0, 0.9)}
    rows = [{"id": id_, "motion": motion, "clip_title": title} for id_, (motion, title) in scores.items()]
    told = {id_: (row["kept"], row["rule"], row["flags"]) for id_, row in judge(rows, rules).items()}
    assert told == {
        "a": (False, "still", ["odd", "late"]),
        "b": (False, "still", ["odd", "late"]),
        "c": (False, "mismatch", ["odd", "late"]),
        "d": (True, None, ["odd"]),
    }
    assert rules_of(rows[:1], [rules[2], rules[1]]) == {"a": "mismatch"}


def test_what_a_rule_keeps_no_later_rule_drops():
    rules = [
        rule("first", "motion < 0.1"),
        rule("good", "clip_title > 0.9", "keep"),
        rule("still", "motion < 0.5"),
        rule("seen", "motion < 0.5", "flag"),
    ]
    rows = [
        {"id": "kept", "motion": 0.3, "clip_title": 0.95},
        {"id": "too_late", "motion": 0.05, "clip_title": 0.95},
        {"id": "dropped", "motion": 0.3, "clip_title": 0.5},
        {"id": "free", "motion": 0.7, "clip_title": 0.5},
    ]
    found = judge(rows, rules)
    assert {id_: (row["kept"], row["rule"]) for id_, row in found.items()} == {
        "kept": (True, "good"),
        "too_late": (False, "first"),
        "dropped": (False, "still"),
        "free": (True, None),
    }
    assert found["kept"]["flags"] == ["seen"]


def test_without_rules_all_is_kept():
    found = judge([{"id": "a"}, {"id": "b", "kind": "audio", "part": 3}], [])
    assert [
        (row["id"], row["kind"], row["part"], row["kept"], row["rule"], row["flags"]) for row in found.values()
    ] == [
        ("a", "video", 0, True, None, []),
        ("b", "audio", 3, True, None, []),
    ]
    assert judge([], []) == judge([], FilterConfig().rules) == {}


def test_a_rule_says_what_becomes_of_what_cannot_be_told():
    rows = [{"id": "null"}, {"id": "low", "clip_title": 0.1}, {"id": "high", "clip_title": 0.9}]
    for where in ("clip_title < 0.5", "NOT (clip_title >= 0.5)"):
        assert rules_of(rows, [rule("low", where)]) == {"null": None, "low": "low", "high": None}
        assert rules_of(rows, [rule("low", where, missing="drop")]) == {"null": "low", "low": "low", "high": None}
    unscored = rule("unscored", "clip_title IS NULL")
    assert rules_of(rows, [unscored]) == {"null": "unscored", "low": None, "high": None}


def test_a_failed_score_is_one_that_cannot_be_told():
    rows = [{"id": "failed", "motion": 0.9, "failed": ["filter/clip"]}, {"id": "ok", "motion": 0.9, "clip_title": 0.7}]
    passing, dropping = rule("mismatch", "clip_title < 0.5"), rule("mismatch", "clip_title < 0.5", missing="drop")
    found = judge(rows, [passing])
    assert found["failed"]["kept"] and found["failed"]["failed"] == ["filter/clip"] and found["ok"]["failed"] == []
    assert rules_of(rows, [dropping]) == {"failed": "mismatch", "ok": None}
    assert rules_of(rows, [rule("still", "motion < 0.95"), dropping])["failed"] == "still"


def test_a_rule_concerns_its_kinds_only():
    rows = [{"id": "v", "motion": 0.0}, {"id": "a", "kind": "audio", "motion": 0.0}, {"id": "null", "kind": "audio"}]
    assert rules_of(rows, [rule("low", "motion < 0.5", kinds=("video",))]) == {"v": "low", "a": None, "null": None}
    strict = rule("low", "motion < 0.5", kinds=("audio",), missing="drop")
    assert rules_of(rows, [strict]) == {"v": None, "a": "low", "null": "low"}


def test_a_quantile_is_of_each_kind_apart():
    rows = [{"id": f"v{n}", "motion": n / 10} for n in range(10)]
    rows += [{"id": f"a{n}", "kind": "audio", "motion": n} for n in range(5)]
    found = rules_of(rows, [rule("lowest_fifth", "share_below(motion) < 0.2")])
    assert {id_ for id_, name in found.items() if name} == {"v0", "v1", "a0"}


def test_the_outcomes_name_every_rule_that_holds():
    rules = [rule("still", "motion < 0.5"), rule("seen", "motion < 0.9", "flag"), rule("mismatch", "clip_title < 0.5")]
    rows = table({"id": "a", "motion": 0.1, "clip_title": 0.1}, {"id": "b", "motion": 0.6})
    holds = holding(rows["kind"], values_of(rows, rules), rules)
    found = {rule.name: column.tolist() for rule, column in zip(rules, holds.T, strict=True)}
    assert found == {"still": [True, False], "seen": [True, True], "mismatch": [True, False]}


def test_the_default_rules():
    rows = [
        {"id": "good", "motion": 0.03, "silence": 0.98},
        {"id": "dull", "motion": 0.029, "silence": 0.0},
        {"id": "quiet", "motion": 0.5, "silence": 0.99},
        {"id": "still_sound", "kind": "audio", "motion": 0.0, "silence": 0.0},
        {"id": "mute", "motion": 0.5},
        {"id": "copy", "motion": 0.5, "duplicate": True},
    ]
    expected = {"good": None, "dull": "still", "quiet": "silence", "still_sound": None, "mute": None}
    assert rules_of(rows, FilterConfig().rules) == {**expected, "copy": "duplicate"}


values = st.none() | st.floats(0, 1, width=32)
drawn_rows = st.lists(st.tuples(values, values, st.booleans(), st.sampled_from(["video", "audio"])), max_size=12)


@given(drawn_rows, st.floats(0, 1, width=32), st.sampled_from(["keep", "drop"]), st.permutations(range(12)))
@settings(max_examples=25)
def test_verdicts_are_a_function_of_scores_and_rules_and_not_of_the_order(drawn, threshold, missing, order):
    rules = [
        rule("duplicate", "duplicate"),
        rule("still", f"motion < {threshold!r}::FLOAT", missing=missing, kinds=("video",)),
        rule("best", "clip_title > 0.9", "keep"),
        rule("mismatch", "clip_title < motion"),
        rule("high", "clip_title > 0.5", "flag"),
    ]
    rows = [
        {"id": f"s{n:02d}", "motion": motion, "clip_title": title, "duplicate": copy, "kind": kind}
        for n, (motion, title, copy, kind) in enumerate(drawn)
    ]
    found = judge(rows, rules)
    for row in rows:
        motion, title = row["motion"], row["clip_title"]
        still = missing == "drop" if motion is None else motion < threshold
        holds = {
            "duplicate": row["duplicate"],
            "still": row["kind"] == "video" and still,
            "best": title is not None and title > 0.9,
            "mismatch": None not in (motion, title) and title < motion,
        }
        deciding = next((name for name, yes in holds.items() if yes), None)
        assert found[row["id"]] == {
            "id": row["id"],
            "kind": row["kind"],
            "part": 0,
            "kept": deciding in (None, "best"),
            "rule": deciding,
            "failed": [],
            "flags": ["high"] if title is not None and title > 0.5 else [],
        }
    shuffled = [rows[place] for place in order if place < len(rows)]
    assert judge(shuffled, rules) == found


@pytest.mark.parametrize("name", ["Still", "a b", "", "1st", "drop-it", "x'; --", "é"])
def test_names_of_rules_are_plain_words(name):
    with pytest.raises(ValueError, match="name"):
        rule(name, "true")


@pytest.mark.parametrize("action", ["keep", "flag"])
def test_only_a_rule_that_drops_drops_what_cannot_be_told(action):
    with pytest.raises(ValueError, match=f"missing: drop is for rules that drop, and this one says {action}"):
        rule("x", "true", action, missing="drop")


def test_two_rules_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two rules have the name twin"):
        FilterConfig(rules=(rule("twin", "true"), rule("other", "true"), rule("twin", "false")))
