"""Batches over real sockets: submitted, waited for, collected by a later run, wherever the runs before were killed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.caption.endpoint import KEY, KEY_ENV, Answer, completion, error
from tests.caption.llm.provider import Provider, echo
from vidal.caption.llm import Ask, Endpoint, EndpointConfig, Price, Rejected, Unacceptable, batch, pace
from vidal.caption.llm.asks import Reply
from vidal.caption.llm.batch import chunks, outcomes
from vidal.caption.llm.cache import Cache
from vidal.caption.llm.ledger import spent
from vidal.engine.errors import ConfigError, PendingError, SampleError
from vidal.engine.workspace import Workspace

SECTION = "caption.refine"


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setenv(KEY_ENV, KEY)
    monkeypatch.setattr(pace, "BACKOFF", 0.001)
    with Provider() as provider:
        provider.last = echo
        yield provider


@pytest.fixture
def workspace(tmp_path):
    return Workspace(str(tmp_path))


@pytest.fixture
def run(provider, workspace):
    """One run: a worker that asks these questions, and what becomes of each."""

    def run(*questions, **changes):
        config = EndpointConfig(
            **{"url": provider.url, "model": "m", "api_key_env": KEY_ENV, "batch": True, "max_tokens": 20, **changes}
        )
        made = Endpoint(config, workspace, SECTION)
        made.open()
        try:
            return [_told(answer) for answer in made.ask_all([ask(question) for question in questions])]
        finally:
            made.close()

    return run


def ask(question):
    def accept(said):
        if not said.startswith("good"):
            raise Unacceptable("it does not begin with good")
        return said

    return Ask([{"role": "user", "content": str(question)}], accept)


def _told(answer):
    if isinstance(answer, SampleError):
        return answer.error_class if isinstance(answer, PendingError) else answer
    return answer.value


def left(workspace):
    """The batches the workspace holds to be under way."""
    return workspace.list(f"batches/{SECTION}")


def test_a_run_asks_and_a_later_one_collects_at_half_the_price(run, provider, workspace):
    price = {"price": Price(input=1000, output=1000)}
    assert run(1, 2, 3, 1, **price) == ["BatchPending"] * 4
    (request, *_), (headers, *_) = provider.asked("batch_0"), provider.batches.values()
    assert (
        len(provider.asked("batch_0")) == 3 and len(provider.batches) == 1 and headers["metadata"].keys() == {"vidal"}
    )
    assert request["method"] == "POST" and request["url"] == "/v1/chat/completions"
    assert request["body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "1"}],
        "max_tokens": 20,
        "temperature": 0,
    }
    assert run(1, 2, 3, 1, **price) == ["BatchPending"] * 4 and len(provider.batches) == 1
    provider.end()
    assert run(1, 2, 3, 1, **price) == ["good 1", "good 2", "good 3", "good 1"]
    total = spent(workspace, SECTION)
    assert (total.calls, total.prompt_tokens, total.answer_tokens) == (3, 93, 36)
    assert total.dollars == pytest.approx(3 * 0.043 / 2) and left(workspace) == []
    calls = len(provider.calls)
    assert run(3, 2, 1, **price) == ["good 3", "good 2", "good 1"] and len(provider.calls) == calls
    assert spent(workspace, SECTION).calls == 3 and provider.requests == []


def test_only_what_is_new_is_asked(run, provider):
    run(1, 2)
    assert run(2, 3) == ["BatchPending"] * 2
    assert [[one["body"]["messages"][0]["content"] for one in provider.asked(name)] for name in provider.batches] == [
        ["1", "2"],
        ["3"],
    ]
    provider.end()
    assert run(1, 2, 3) == ["good 1", "good 2", "good 3"]


def test_a_repair_is_a_batch_of_its_own(run, provider):
    provider.last = completion("bad")
    run(1)
    provider.end()
    assert run(1) == ["BatchPending"] and len(provider.batches) == 2
    assert "does not begin with good" in provider.asked("batch_1")[0]["body"]["messages"][2]["content"]
    provider.end()
    (rejected,) = run(1)
    assert isinstance(rejected, Rejected) and len(rejected.responses) == 2
    assert isinstance(run(1)[0], Rejected) and len(provider.batches) == 2


def test_what_expired_is_asked_again_and_what_is_refused_is_not(run, provider):
    run(1, 2, 3, 4)
    refused = error(400, f"flagged {KEY}")
    provider.end("expired", {"'2'": None, "'3'": refused, "'4'": error(500)})
    first, second, third, fourth = run(1, 2, 3, 4)
    assert (first, second, fourth) == ("good 1", "BatchPending", "BatchPending")
    assert third.error_class == "Refused" and "flagged ***" in str(third) and KEY not in str(third)
    assert [one["body"]["messages"][0]["content"] for one in provider.asked("batch_1")] == ["2", "4"]
    provider.end()
    assert run(1, 2, 4) == ["good 1", "good 2", "good 4"]


def test_a_batch_that_is_refused_is_tried_again_by_the_next_run(run, provider, workspace):
    run(1)
    provider.end("failed")
    assert run(1) == ["BatchFailed"] and left(workspace) == [] and len(provider.batches) == 1
    assert run(1) == ["BatchPending"] and len(provider.batches) == 2
    provider.end()
    assert run(1) == ["good 1"]


@pytest.mark.parametrize("status", ["in_progress", "finalizing", "cancelling"])
def test_a_batch_under_way_is_waited_for(run, provider, status):
    run(1)
    provider.batches["batch_0"]["status"] = status
    assert run(1) == ["BatchPending"] and len(provider.batches) == 1


class Killed(BaseException):
    """The end of a process, wherever it is."""


@pytest.mark.parametrize("kept", [0, 1])
def test_a_run_killed_between_upload_batch_and_record_finds_its_batch(run, provider, workspace, monkeypatch, kept):
    """The record is written twice: before the upload, and once the batch is made. A run may die at either."""
    keep, written = batch.Batches._keep, []

    def dying(self, one):
        if len(written) == kept:
            raise Killed
        written.append(one)
        keep(self, one)

    with monkeypatch.context() as patched:
        patched.setattr(batch.Batches, "_keep", dying)
        with pytest.raises(Killed):
            run(1, 2)
    assert len(provider.batches) == kept and len(left(workspace)) == kept
    assert run(1, 2) == ["BatchPending"] * 2 and len(provider.batches) == 1
    provider.end()
    assert run(1, 2) == ["good 1", "good 2"] and spent(workspace, SECTION).calls == 2


def test_a_run_killed_between_upload_and_batch_asks_again(run, provider):
    provider.faults["POST /v1/batches"] = [Answer(0)] * 4
    assert run(1) == ["Unavailable"] and provider.batches == {}
    assert run(1) == ["BatchPending"] and len(provider.batches) == 1
    provider.end()
    assert run(1) == ["good 1"]


def test_a_run_killed_while_collecting_counts_nothing_twice(run, provider, workspace, monkeypatch):
    run(1, 2, 3)
    provider.end()
    write, written = Cache.write, []

    def dying(self, name, reply):
        if len(written) == 2:
            raise Killed
        written.append(name)
        write(self, name, reply)

    with monkeypatch.context() as patched:
        patched.setattr(Cache, "write", dying)
        with pytest.raises(Killed):
            run(1, 2, 3)
    assert len(left(workspace)) == 1
    assert run(1, 2, 3) == ["good 1", "good 2", "good 3"] and left(workspace) == []
    assert spent(workspace, SECTION).calls == 3 + 1, "the answer that was counted and not kept is counted again"


def test_trouble_on_the_way_passes_or_leaves_all_pending(run, provider):
    provider.faults["POST /v1/files"] = [error(500), error(429, retry_after_ms="5")]
    assert run(1) == ["BatchPending"]
    provider.faults["GET /v1/batches/batch_N"] = [error(503)] * 4
    assert run(1, 2) == ["Unavailable", "BatchPending"]
    provider.end()
    provider.faults["GET /v1/files/file_N/content"] = [Answer(0)]
    assert run(1, 2) == ["good 1", "good 2"]


def test_a_batch_the_provider_no_longer_knows_is_made_again(run, provider):
    run(1)
    provider.batches.clear()
    assert run(1) == ["BatchPending"] and len(provider.batches) == 1


@pytest.mark.parametrize("call", ["POST /v1/files", "POST /v1/batches"])
def test_an_endpoint_without_batches_ends_the_run(run, provider, workspace, call):
    provider.faults[call] = [error(404)]
    with pytest.raises(ConfigError, match=r"caption\.refine\.batch: .* takes no batches"):
        run(1)
    assert left(workspace) == []


def test_a_wrong_key_ends_the_run(run, provider):
    provider.faults["POST /v1/files"] = [error(401, KEY)]
    with pytest.raises(ConfigError) as caught:
        run(1)
    assert KEY not in str(caught.value)


def test_what_is_under_way_counts_against_the_budget_with_the_most_it_may_cost(run, provider, workspace):
    """A request of this length costs at most 2.85 dollars here, and 2.15 as it is answered."""
    money = {"price": Price(input=1e5, output=1e5)}
    assert run(1, 2, 3, budget=6.0, **money) == ["BatchPending", "BatchPending", "BudgetSpent"]
    assert run(3, budget=6.0, **money) == ["BudgetSpent"] and len(provider.batches) == 1
    provider.end()
    assert run(1, 2, 3, budget=6.0, **money) == ["good 1", "good 2", "BudgetSpent"]
    assert spent(workspace, SECTION).dollars == pytest.approx(4.3)
    assert run(3, budget=8.0, **money) == ["BatchPending"]
    provider.end()
    assert run(3, budget=8.0, **money) == ["good 3"]


def test_a_large_part_is_several_batches(run, provider, monkeypatch):
    monkeypatch.setattr(batch, "MOST_REQUESTS", 2)
    run(*range(5))
    assert [len(provider.asked(name)) for name in provider.batches] == [2, 2, 1]
    provider.end()
    assert run(*range(5)) == [f"good {number}" for number in range(5)]


def test_batches_that_are_asked_for_already_are_no_calls_of_a_forecast(run, provider, workspace):
    run(1, 2)
    config = EndpointConfig(url=provider.url, model="m", api_key_env=KEY_ENV, batch=True, max_tokens=20)
    told = Endpoint(config, workspace, SECTION).forecast(3, [ask(1), ask(2), ask(3)])
    assert told[0] == "caption.refine: about 1 calls of m; 2 are asked already"


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 100), max_size=20))
def test_chunks_hold_everything_once_in_order_within_the_limits(sizes):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batch, "MOST_REQUESTS", 4)
        patched.setattr(batch, "MOST_BYTES", 150)
        found = list(chunks(sizes))
    assert [name for run in found for name in run] == list(sizes)
    assert all(0 < len(run) <= 4 and (len(run) == 1 or sum(sizes[name] for name in run) <= 150) for run in found)


def result(name, status=200, body=None):
    body = json.loads(completion("x").body) if body is None else body
    return {"custom_id": name, "response": {"status_code": status, "body": body}}


@pytest.mark.parametrize(
    "line",
    [
        result("stranger"),
        result("../../etc/passwd"),
        result("a", 500),
        result("a", 429, {"error": {"message": "slow"}}),
        result("a", True),
        result("a", 200, {"choices": []}),
        {"custom_id": "a", "response": None, "error": {"code": "batch_expired"}},
        {"custom_id": ["a"], "response": {}},
        [],
        None,
        "a",
    ],
)
def test_what_is_no_result_of_a_request_is_left_out(line):
    assert list(outcomes(json.dumps(line).encode() + b"\nno JSON\n\xff\n", frozenset("a"))) == []


def test_results_are_replies_or_refusals():
    lines = [result("b"), result("a", 400, {"error": {"message": "no\nmore"}})]
    found = dict(outcomes("\n".join(map(json.dumps, lines)).encode(), frozenset("ab")))
    assert found["b"] == Reply("x", "stop", False, 31, 12)
    assert found["a"].error_class == "Refused" and str(found["a"]) == "status 400: no"
