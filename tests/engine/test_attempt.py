from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.engine.attempt import Retry, attempt
from vidal.engine.errors import ConfigError, MissingError, PendingError, SampleError, TransientError
from vidal.engine.step import FAILED, OK, PENDING, Resources, Sample, Step

ONCE = Retry(attempts=1)


class Flaky(Step):
    """Doubles numbers in a shuffled order; raises where `trouble` says so, each error as often as it is listed."""

    name = "toy/flaky"
    columns = {"double": pa.int32()}
    resources = Resources(batch_size=4)

    def __init__(self, trouble=None, columns=None):
        self.trouble = {id_: list(errors) for id_, errors in (trouble or {}).items()}
        self.made = columns or {}
        self.calls = []

    def process(self, samples):
        self.calls.append([sample.id for sample in samples])
        for sample in samples:
            if self.trouble.get(sample.id):
                if len(samples) == 1:
                    raise self.trouble[sample.id].pop(0)
                raise RuntimeError("somebody in here")
        results = [s.ok(self.made.get(s.id, {"double": 2 * s.columns["value"]})) for s in samples]
        random.Random(3).shuffle(results)
        return results


def numbers(count):
    return [Sample(f"n{number:02d}", "video", {"value": number}) for number in range(count)]


@given(st.integers(1, 33).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_every_bad_sample_fails_alone(case):
    count, bad = case
    step = Flaky({f"n{number:02d}": [SampleError("Bad", f"number {number}")] for number in bad})
    results = attempt(step, numbers(count), ONCE)
    assert [result.id for result in results] == [f"n{number:02d}" for number in range(count)]
    for number, result in enumerate(results):
        if number in bad:
            assert (result.status, result.failure.error_class) == (FAILED, "Bad")
            assert result.failure.message == f"number {number}" and result.attempts == 1
        else:
            assert result.status == OK and result.columns == {"double": 2 * number}


@given(st.integers(0, 31))
@settings(max_examples=8)
def test_one_bad_sample_costs_a_search_not_a_walk(bad):
    step = Flaky({f"n{bad:02d}": [ValueError("no")]})
    attempt(step, numbers(32), ONCE)
    assert len(step.calls) == 11


def test_errors_that_are_no_sample_errors_keep_their_name():
    result = attempt(Flaky({"n00": [ZeroDivisionError("nothing left")]}), numbers(1), ONCE)[0]
    assert (result.failure.error_class, result.failure.message) == ("ZeroDivisionError", "nothing left")
    assert not result.failure.transient


def test_equal_tracebacks_have_equal_hashes():
    step = Flaky({"n00": [ValueError("a")], "n01": [ValueError("b")], "n02": [KeyError("c")]})
    hashes = [result.failure.traceback_hash for result in attempt(step, numbers(3), ONCE)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_transient_errors_are_tried_again_and_counted():
    step = Flaky({"n01": [TransientError("Busy", "later")] * 2})
    waits = []
    results = attempt(step, numbers(3), Retry(attempts=4, base=1.0, cap=30.0), waits.append)
    assert [result.status for result in results] == [OK] * 3 and [result.attempts for result in results] == [1, 3, 1]
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0 and len(waits) == 2
    assert step.calls[-1] == ["n01"]


def test_a_transient_error_that_lasts_fails_with_its_class():
    step = Flaky({"n00": [TransientError("Busy", "later")] * 9})
    waits = []
    result = attempt(step, numbers(1), Retry(attempts=3), waits.append)[0]
    assert (result.status, result.failure.error_class, result.attempts) == (FAILED, "Busy", 3) and len(waits) == 2


def test_what_the_other_side_asks_for_is_waited():
    step = Flaky({"n00": [TransientError("Busy", "later", 17.0)], "n02": [TransientError("Busy", "later", 4.0)]})
    waits = []
    attempt(step, numbers(3), Retry(base=0.1), waits.append)
    assert waits == [17.0]


def test_other_errors_are_not_tried_again():
    step = Flaky({"n00": [SampleError("NotFound", "gone")]})
    waits = []
    assert attempt(step, numbers(1), Retry(attempts=4), waits.append)[0].attempts == 1 and waits == []


@given(st.integers(1, 12), st.none() | st.floats(0, allow_nan=False))
def test_waits_grow_to_a_cap_and_grant_what_was_asked_within_reason(tries, asked):
    wait = Retry(base=0.5, cap=30.0).wait(tries, asked)
    assert wait >= min(asked or 0.0, 600.0)
    assert wait <= max(30.0, min(asked or 0.0, 600.0), 0.5 * 2 ** (tries - 1) if tries < 7 else 30.0)


@pytest.mark.parametrize(
    ("columns", "error_class"),
    [
        ({"double": 1, "triple": 2}, "KeyError"),
        ({"double": "one"}, "ArrowInvalid"),
        ({"double": 2**40}, "ArrowInvalid"),
        ({"double": 2**70}, "OverflowError"),
        ({"double": [1]}, "ArrowInvalid"),
    ],
)
def test_a_result_that_does_not_fit_its_declaration_fails_that_sample(columns, error_class):
    results = attempt(Flaky(columns={"n01": columns}), numbers(3), ONCE)
    assert [result.status for result in results] == [OK, FAILED, OK]
    assert results[1].failure.error_class == error_class and results[1].columns == {}


def test_a_sample_without_a_result_fails():
    class Forgetful(Flaky):
        def process(self, samples):
            return [result for result in super().process(samples) if result.id != "n01"]

    results = attempt(Forgetful(), numbers(3), ONCE)
    assert [result.status for result in results] == [OK, FAILED, OK]
    assert "no result for n01" in results[1].failure.message


@pytest.mark.parametrize(
    ("error", "raised"), [(ConfigError("no key"), ConfigError), (ImportError("no lib"), MissingError)]
)
def test_what_no_sample_is_to_blame_for_ends_the_run(error, raised):
    class Broken(Flaky):
        def process(self, samples):
            raise error

    with pytest.raises(raised, match=str(error)):
        attempt(Broken(), numbers(3), ONCE)


def test_what_is_not_the_samples_fault_leaves_it_pending():
    lasting = [TransientError("RateLimited", "later", pending=True)] * 9
    passing = [TransientError("RateLimited", "later", pending=True)]
    own = [passing[0], TransientError("Incomplete", "half", pending=False)] * 5
    step = Flaky({"n00": lasting, "n01": passing, "n02": own})
    results = attempt(step, numbers(4), Retry(attempts=4, base=0.0), lambda _: None)
    assert [result.status for result in results] == [PENDING, OK, FAILED, OK]
    assert results[2].failure.error_class == "Incomplete"


def test_what_is_worth_no_waiting_is_not_tried_again():
    waits = []
    step = Flaky({"n00": [PendingError("HostClosed", "no", 900.0)] * 9})
    [result] = attempt(step, numbers(1), Retry(attempts=4), waits.append)
    assert (result.status, result.failure.error_class, result.attempts) == (PENDING, "HostClosed", 1) and waits == []


def test_errors_travel_between_processes_whole():
    import pickle

    for error in (TransientError("A", "b", 3.0, pending=True), TransientError("A", "b"), PendingError("C", "d", 5.0)):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error) and str(copy) == str(error)
        for field in ("error_class", "retry_after", "pending"):
            assert getattr(copy, field) == getattr(error, field)
