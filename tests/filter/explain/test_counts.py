from __future__ import annotations

from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.filter.conditions import values
from vidal.filter.config import RuleConfig
from vidal.filter.explain.counts import Fates, count
from vidal.filter.explain.judgement import judge
from vidal.filter.rules import holding, verdicts


def counts_of(table, rules):
    return {one.rule.name: one for one in count(judge(table, rules)).rules}


def test_a_rule_is_counted_alone_in_order_and_by_what_is_owed_to_it(table, rule):
    rows = [
        {"motion": 0.0, "clip_title": 0.0},
        {"motion": 0.0, "clip_title": 0.9},
        {"motion": 0.9, "clip_title": 0.0},
        {"motion": 0.9, "clip_title": 0.9},
        {"motion": None, "clip_title": 0.9},
        {"kind": "audio", "clip_title": 0.0},
    ]
    rules = [rule("still", "motion < 0.5", kinds=("video",)), rule("mismatch", "clip_title < 0.5")]
    found = counts_of(table(*rows), rules)
    assert asdict(found["still"].total) == {"samples": 5, "alone": 2, "in_order": 2, "only": 1, "untold": 1}
    assert list(found["still"].by_kind) == ["video"]
    assert asdict(found["mismatch"].total) == {"samples": 6, "alone": 3, "in_order": 2, "only": 2, "untold": 0}
    assert {kind: one.in_order for kind, one in found["mismatch"].by_kind.items()} == {"video": 1, "audio": 1}


def test_what_cannot_be_told_counts_for_a_rule_that_drops_it(table, rule):
    rows = [{"motion": None}, {"motion": 0.1}, {"motion": 0.9}]
    passing = counts_of(table(*rows), [rule("still", "motion < 0.5")])["still"].total
    dropping = counts_of(table(*rows), [rule("still", "motion < 0.5", missing="drop")])["still"].total
    assert (passing.alone, passing.untold, dropping.alone, dropping.untold) == (1, 1, 2, 1)


def test_a_rule_that_keeps_is_owed_what_a_later_one_would_drop(table, rule):
    rows = [{"motion": 0.1, "words": 9}, {"motion": 0.1, "words": 1}, {"motion": 0.9, "words": 9}]
    rules = [rule("good", "words > 5", "keep"), rule("still", "motion < 0.5"), rule("seen", "words > 0", "flag")]
    found = counts_of(table(*rows), rules)
    assert (found["good"].total.in_order, found["good"].total.only) == (2, 1)
    assert (found["still"].total.alone, found["still"].total.in_order, found["still"].total.only) == (2, 1, 1)
    assert (found["seen"].total.alone, found["seen"].total.in_order, found["seen"].total.only) == (3, 0, 0)


def test_fates_overlap_and_failures(table, rule):
    rows = [
        {"motion": 0.1, "words": 1},
        {"motion": 0.1, "words": 9, "failed": ["filter/clip"]},
        {"kind": "audio", "words": 1, "failed": ["filter/clap", "filter/clip"]},
    ]
    rules = [rule("still", "motion < 0.5"), rule("seen", "words > 5", "flag"), rule("short", "words < 5")]
    found = count(judge(table(*rows), rules))
    assert found.fates == {"video": Fates(2, 0, 2, 1), "audio": Fates(1, 0, 1, 0)}
    assert found.overlap.names == ("still", "short") and found.overlap.both == ((2, 1), (1, 2))
    assert found.failed == {"filter/clap": 1, "filter/clip": 2}


def test_no_rules_and_no_samples(table, rule):
    found = count(judge(table({}, {"kind": "audio"}), []))
    assert found.fates == {"video": Fates(1, 1, 0, 0), "audio": Fates(1, 1, 0, 0)} and found.rules == ()
    [empty] = count(judge(table(), [rule("still", "motion < 0.5")])).rules
    assert asdict(empty.total) == dict.fromkeys(("samples", "alone", "in_order", "only", "untold"), 0)


SCORES = st.one_of(st.none(), st.sampled_from([0.1, 0.5, 0.9]))
ROWS = st.lists(
    st.fixed_dictionaries({"kind": st.sampled_from(["video", "audio"]), "motion": SCORES, "silence": SCORES}),
    max_size=20,
)
RULES = st.lists(
    st.builds(
        dict,
        where=st.sampled_from(["motion < 0.4", "silence > 0.4", "motion > silence", "share_below(motion) < 0.5"]),
        action=st.sampled_from(["drop", "keep", "flag"]),
        kinds=st.sampled_from([("video",), ("audio",), ("video", "audio")]),
        missing=st.booleans(),
    ),
    max_size=5,
)


@settings(max_examples=12, deadline=None)
@given(ROWS, RULES)
def test_the_counts_are_those_of_the_rules_themselves(table, rows, drawn):
    """`only` is what ends otherwise where the rule is really taken out, `alone` what it does as the only one."""
    rules = [
        RuleConfig(
            name=f"r{number}",
            **{**one, "missing": "drop" if one["missing"] and one["action"] == "drop" else "keep"},
        )
        for number, one in enumerate(drawn)
    ]
    scores = table(*rows)
    full = verdicts(scores, rules)
    found = counts_of(scores, rules)
    for number, rule in enumerate(rules):
        without = verdicts(scores, rules[:number] + rules[number + 1 :])
        changed = sum(a != b for a, b in zip(full["kept"].to_pylist(), without["kept"].to_pylist(), strict=True))
        decided = full["rule"].to_pylist().count(rule.name)
        alone = holding(scores["kind"], values(scores, [rule]), [rule])[:, 0].tolist().count(True)
        total = found[rule.name].total
        assert (total.alone, total.in_order, total.only) == (alone, decided, changed)
        assert total.samples == sum(row["kind"] in rule.kinds for row in rows)
        for field in ("samples", "alone", "in_order", "only", "untold"):
            assert getattr(total, field) == sum(getattr(one, field) for one in found[rule.name].by_kind.values())
