from __future__ import annotations

import pytest

from vidal.filter.explain.comparisons import columns, comparisons


def told(where):
    return [(one.label, one.operator, one.bound, one.quantile) for one in comparisons(where)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("clip_title < 0.18", [("clip_title", "<", 0.18, False)]),
        ("0.3 > motion", [("motion", "<", 0.3, False)]),
        ("Motion >= -1e-1", [("Motion", ">=", -0.1, False)]),
        ("motion > 1 - 0.25", [("motion", ">", 0.75, False)]),
        ("seconds < 2::INTEGER -- short", [("seconds", "<", 2.0, False)]),
        ("loudness BETWEEN -40 AND -5", [("loudness", ">=", -40.0, False), ("loudness", "<=", -5.0, False)]),
        ("loudness NOT BETWEEN -40 AND -5", [("loudness", ">=", -40.0, False), ("loudness", "<=", -5.0, False)]),
        ("share_below(motion) < 0.2", [("motion", "<", 0.2, True)]),
        ("SHARE_BELOW(words / seconds) >= 0.8", [('words / "seconds"', ">=", 0.8, True)]),
        ("abs(loudness + 23) > 10", [("abs((loudness + 23))", ">", 10.0, False)]),
        (
            "NOT (kind = 'video' AND (motion < 0.03 OR words > 20))",
            [("motion", "<", 0.03, False), ("words", ">", 20.0, False)],
        ),
        ("coalesce(motion < 0.1, false)", [("motion", "<", 0.1, False)]),
        ("duplicate", []),
        ("motion < silence", []),
        ("words = 3", []),
        ("language IN ('en', 'de')", []),
        ("motion < 'infinity'", []),
        ("language < 'm'", []),
        ("motion IS NULL", []),
    ],
)
def test_a_condition_names_its_thresholds(where, expected):
    assert told(where) == expected


def test_the_rest_of_a_condition_is_told_with_either_answer():
    first, second = comparisons("motion < 0.03 AND NOT words > 20")
    assert first.test == "(motion < 0.03)" and second.test == "(words > 20)"
    assert (first.if_true, first.if_false) == ("(true AND (NOT (words > 20)))", "(false AND (NOT (words > 20)))")
    assert (second.if_true, second.if_false) == (
        "((motion < 0.03) AND (NOT true))",
        "((motion < 0.03) AND (NOT false))",
    )


def test_what_a_condition_names_is_listed_once_in_its_order():
    assert columns("silence > 0.9 AND (motion < 0.1 OR silence IS NULL) AND share_below(words) < 0.1") == [
        "silence",
        "motion",
        "words",
    ]
    assert columns("true") == []
