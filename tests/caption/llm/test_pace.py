from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.caption.llm import pace
from vidal.caption.llm.pace import Pace, Window

instants = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400.0),
        ("12", 12.0),
        (" 0.5 ", 0.5),
        ("", None),
        ("ms", None),
        ("soon", None),
        ("-1s", None),
        ("nan", None),
        ("1s" * 100, None),
    ],
)
def test_durations(text, expected):
    assert pace.seconds(text) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_is_asked_for(headers, expected):
    assert pace.asked_wait(headers) == expected


def test_everybody_waits_as_long_as_was_asked_for():
    after = pace.limited(Pace(), 100.0, 7.0)
    assert pace.wait(after, 100.0, 1) == 7.0 and pace.wait(after, 103.0, 1) == 4.0 and pace.wait(after, 107.5, 1) == 0.0


def test_without_a_wish_the_pause_doubles_until_there_is_an_answer():
    known, waits, now = Pace(), [], 0.0
    for _ in range(9):
        known = pace.limited(known, now, None)
        waits.append(pace.wait(known, now, 1))
        now += waits[-1]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert pace.wait(pace.limited(pace.answered(known), now, None), now, 1) == 0.5


def test_refusals_of_what_was_sent_before_a_pause_do_not_lengthen_it():
    known = pace.limited(Pace(), 0.0, None)
    assert pace.limited(known, 0.1, None) == known
    assert pace.limited(pace.limited(Pace(), 0.0, 2.0), 0.1, 2.0) == Pace(until=2.1, limited=1)


def test_an_endpoint_that_asks_for_no_wait_again_and_again_is_asked_less_and_less():
    known, now = Pace(), 0.0
    for _ in range(12):
        known = pace.limited(known, now, 0.0)
        now += pace.wait(known, now, 1)
    assert now > 20


@given(instants, st.none() | st.floats(0, 1e5), st.integers(0, 40))
def test_a_pause_is_never_shortened_and_ends(now, asked, before):
    known = Pace(until=now + 5, limited=before)
    after = pace.limited(known, now, asked)
    assert after.until >= known.until and after.until <= now + max(asked or 0.0, pace.LEAST * 2**12, 30.0, 5.0) + 1e-6


def headers(requests=None, tokens=None):
    found = {}
    for kind, told in (("requests", requests), ("tokens", tokens)):
        if told:
            found[f"x-ratelimit-remaining-{kind}"], found[f"x-ratelimit-reset-{kind}"] = told
    return found


def test_what_a_limit_leaves_is_used_and_then_waited_for():
    known = pace.told(Pace(), headers(("2", "8s")), 10.0, 0, 0.0)
    assert pace.wait(known, 10.0, 1) == 0
    known = pace.sent(pace.sent(known, 1), 1)
    assert pace.wait(known, 11.0, 1) == 7.0 and pace.wait(known, 18.0, 1) == 0


def test_what_is_in_flight_may_not_be_counted_yet():
    assert pace.told(Pace(), headers(("2", "8s")), 0.0, 2, 0.0).requests == Window(0.0, 8.0)
    assert pace.told(Pace(), headers(tokens=("900", "8s")), 0.0, 1, 400.0).tokens == Window(500.0, 8.0)


def test_a_request_waits_for_the_tokens_it_needs():
    known = pace.told(Pace(), headers(tokens=("500", "6s")), 0.0, 0, 0.0)
    assert pace.wait(known, 0.0, 500) == 0 and pace.wait(known, 0.0, 501) == 6.0
    assert pace.wait(pace.sent(known, 400), 0.0, 200) == 6.0


@pytest.mark.parametrize("told", [("many", "1s"), ("-1", "1s"), ("1", "soon"), ("", ""), ("9" * 20, "1s")])
def test_headers_that_say_nothing_change_nothing(told):
    known = Pace(requests=Window(3, 4.0))
    assert pace.told(known, headers(told), 0.0, 0, 0.0) == known
    assert pace.told(known, {}, 0.0, 0, 0.0) == known


@given(st.integers(0, 100))
def test_waits_between_tries_double_up_to_the_longest(tries):
    assert 0 < pace.backoff(tries) <= pace.backoff(tries + 1) <= pace.LONGEST_BACKOFF
