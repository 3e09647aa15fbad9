"""What is known of a host: the rules, as pure functions."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.harvest.network.state import (
    LONGEST_PAUSE_S,
    LONGEST_REST_S,
    Breaker,
    HostState,
    answered,
    begun,
    closed,
    closed_for,
    failed,
    paused,
    reserved,
)

NOW = 1_800_000_000.0
instants = st.floats(0.0, 2 * NOW, allow_nan=False)
rates = st.floats(0.01, 1000.0)
cooldowns = st.floats(0.1, 10_000.0)
states = st.builds(
    HostState,
    next=instants,
    last=instants,
    closed_until=instants,
    answered=instants,
    failures=st.integers(0, 50),
    closures=st.integers(0, 20),
)


@given(st.lists(st.floats(0.0, 5.0), min_size=2, max_size=30), rates)
def test_turns_are_spaced_by_the_rate_whenever_they_are_asked_for(gaps, rate):
    state, now, starts = HostState(), NOW, []
    for gap in gaps:
        now += gap
        state, start = reserved(state, now, rate)
        assert start >= now
        starts.append(start)
    assert all(later - earlier >= 0.999 / rate for earlier, later in pairwise(starts))


@given(st.lists(st.floats(0.0, 3.0), min_size=2, max_size=20), st.floats(0.5, 50.0))
def test_requests_begin_spaced_however_late_each_of_them_is(delays, rate):
    state, now, begins = HostState(), NOW, []
    for delay in delays:
        state, start = reserved(state, now, rate)
        now = max(now, start) + delay
        state, left = begun(state, now, rate)
        while left:
            now += left + 1e-6
            state, left = begun(state, now, rate)
        begins.append(now)
    assert all(later - earlier >= 0.999 / rate for earlier, later in pairwise(begins))


@given(states, instants, rates)
def test_no_turn_lies_within_a_closure(state, now, rate):
    after, start = reserved(state, now, rate)
    assert start >= now + closed_for(state, now)
    _, left = begun(after, now, rate)
    assert left >= closed_for(state, now)


@given(states, instants, rates)
def test_a_clock_that_was_set_back_makes_nobody_wait_for_ever(state, now, rate):
    _, start = reserved(state, now, rate)
    assert start - now <= max(LONGEST_PAUSE_S, LONGEST_REST_S)
    _, left = begun(state, now, rate)
    assert left <= max(LONGEST_REST_S, 1 / rate)


@pytest.mark.parametrize("failures", [1, 3, 5])
def test_a_host_is_left_alone_after_so_many_failures_in_a_row_and_not_before(failures):
    state, breaker = HostState(), Breaker(failures, 60.0)
    for _ in range(failures - 1):
        state = failed(state, NOW, "HTTP 503", breaker)
    assert not closed_for(state, NOW)
    state = failed(state, NOW, "HTTP 503", breaker)
    assert closed_for(state, NOW) == 60.0
    assert state.reason == "HTTP 503"


def test_an_answer_in_between_begins_the_count_anew():
    state, breaker = HostState(), Breaker(2, 60.0)
    for _ in range(10):
        state = answered(failed(state, NOW, "x", breaker), NOW)
    assert not closed_for(state, NOW)


def test_a_host_that_fails_again_is_left_alone_twice_as_long_up_to_an_hour():
    state, breaker, now, pauses = HostState(), Breaker(1, 60.0), NOW, []
    for _ in range(10):
        state = failed(state, now, "x", breaker)
        pauses.append(closed_for(state, now))
        now += pauses[-1]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


def test_failures_of_requests_that_were_under_way_do_not_lengthen_a_closure():
    state = closed(HostState(), NOW, "x", 60.0)
    for _ in range(20):
        state = failed(state, NOW + 1, "y", Breaker(3, 60.0))
    assert closed_for(state, NOW + 1) == 59.0


@given(states, instants, st.floats(0.0, 1e9), cooldowns)
def test_no_rest_is_shortened_and_none_is_longer_than_a_day(state, now, seconds, cooldown):
    for after in (paused(state, now, seconds), closed(state, now, "x", cooldown)):
        assert closed_for(after, now) >= closed_for(state, now) - 1e-3
        assert closed_for(after, now) <= LONGEST_REST_S
    assert closed_for(paused(state, now, seconds), now) >= min(seconds, LONGEST_REST_S) - 1e-3


@given(states, instants)
def test_an_answer_does_not_open_a_host_that_asked_for_rest(state, now):
    assert closed_for(answered(state, now), now) == closed_for(state, now)
