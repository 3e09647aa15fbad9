"""Questions over real sockets: what is asked, again or not, what it costs, and what is left."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
import uuid

import pytest

from tests.caption.endpoint import KEY, KEY_ENV, Answer, completion, error
from vidal.caption.llm import Answer as Said
from vidal.caption.llm import Ask, Endpoint, EndpointConfig, Price, Rejected, Unacceptable, sender
from vidal.caption.llm.ledger import spent
from vidal.engine.errors import ConfigError, MissingError, PendingError, SampleError
from vidal.engine.step import Failure
from vidal.engine.workspace import Workspace

PRICE = Price(input=1000, output=1000)


@pytest.fixture
def model(endpoint, tmp_path):
    """Opens endpoints over one workspace."""
    opened = []

    def model(workspace=None, **changes):
        config = EndpointConfig(**{"url": endpoint.url, "model": "m", "api_key_env": KEY_ENV, **changes})
        made = Endpoint(config, workspace or Workspace(str(tmp_path)), "caption.refine")
        made.open()
        opened.append(made)
        return made

    yield model
    for made in opened:
        made.close()


def text(said: str) -> str:
    if not said.startswith("good"):
        raise Unacceptable("it does not begin with good")
    return said


def ask(question="Tell."):
    return Ask([{"role": "user", "content": str(question)}], text)


def echo(body):
    return completion("good " + body["messages"][0]["content"])


def test_answers_come_in_the_order_of_the_questions(endpoint, model):
    endpoint.last = echo
    answers = model(price=PRICE).ask_all([ask(number) for number in range(30)])
    assert [answer.value for answer in answers] == [f"good {number}" for number in range(30)]
    first = answers[0]
    assert (first.prompt_tokens, first.answer_tokens, first.cached) == (31, 12, False)
    assert first.cost == pytest.approx(0.043) and len(first.responses) == 1
    assert len(endpoint.requests) == 30


def test_nothing_is_asked_twice_across_runs_and_workspaces_of_any_kind(endpoint, model):
    endpoint.last = echo
    workspace = Workspace(f"memory://{uuid.uuid4()}")
    before = model(workspace).ask_all([ask(1), ask(2), ask(1)])
    assert len(endpoint.requests) == 2 and [answer.cached for answer in before] == [False, False, True]
    endpoint.last = error(500)
    after = model(workspace).ask_all([ask(2), ask(1)])
    assert [(answer.value, answer.cached) for answer in after] == [("good 2", True), ("good 1", True)]
    assert (after[0].prompt_tokens, after[0].answer_tokens) == (31, 12)
    assert spent(workspace, "caption.refine").calls == 2 and spent(workspace, "caption.refine").cached == 3


@pytest.mark.parametrize(
    "faults",
    [
        [error(429, retry_after_ms="20")],
        [error(500), error(503), Answer(0)],
        [Answer(200, b"{no JSON"), Answer(200, b"<html>")],
        [error(429), error(500), error(429), error(500), error(429), error(500)],
        [error(429)] * 9,
    ],
)
def test_what_may_pass_is_tried_again(endpoint, model, faults):
    endpoint.answers, endpoint.last = list(faults), echo
    (answer,) = model().ask_all([ask()])
    assert answer.value == "good Tell." and len(endpoint.requests) == len(faults) + 1
    assert len({str(body) for body in endpoint.bodies}) == 1


def test_a_request_that_hangs_is_tried_again(endpoint, model):
    endpoint.answers, endpoint.last = [Answer(-1)], echo
    assert model(timeout=0.3).ask_all([ask()])[0].value == "good Tell."


class Clock:
    """A time that passes only where somebody waits for it."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds
        await asyncio.to_thread(int)


def test_everybody_pauses_when_one_is_refused_for_haste(endpoint, model, monkeypatch):
    clock, arrivals = Clock(), []
    monkeypatch.setattr(sender, "time", clock)
    monkeypatch.setattr(sender.asyncio, "sleep", clock.sleep)

    def answer(body):
        arrivals.append(clock.now - 1000)
        return error(429, Retry_After="400") if len(arrivals) == 1 else echo(body)

    endpoint.last = answer
    answers = model(requests=1).ask_all([ask(number) for number in range(4)])
    assert all(isinstance(one, Said) for one in answers)
    assert arrivals == [0] + [pytest.approx(400)] * 4


def test_the_limits_that_the_endpoint_tells_are_kept(endpoint, model):
    """Two requests are left in each window of a tenth of a second; nobody runs into a refusal."""
    left, window = [2], [0.0]

    def answer(body):
        with threading.Lock():
            now = time.monotonic()
            if now > window[0]:
                left[0], window[0] = 2, now + 0.1
            left[0] -= 1
        if left[0] < 0:
            return error(429, retry_after_ms="100")
        reset = f"{round(1000 * (window[0] - now)) + 5}ms"
        told = {"x-ratelimit-remaining-requests": str(left[0]), "x-ratelimit-reset-requests": reset}
        return Answer(200, echo(body).body, told)

    endpoint.last = answer
    answers = model(requests=1).ask_all([ask(number) for number in range(8)])
    assert all(isinstance(one, Said) for one in answers) and len(endpoint.requests) == 8


def test_no_more_requests_are_in_flight_than_allowed(endpoint, model):
    now, most, lock = [0], [0], threading.Lock()

    def answer(body):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return echo(body)

    endpoint.last = answer
    model(requests=3).ask_all([ask(number) for number in range(20)])
    assert most[0] == 3


def test_one_repair_is_asked_with_the_reason(endpoint, model):
    endpoint.answers = [completion("bad"), completion("good at last")]
    (answer,) = model(price=PRICE).ask_all([ask()])
    assert answer.value == "good at last" and len(answer.responses) == 2
    assert (answer.prompt_tokens, answer.answer_tokens) == (62, 24) and answer.cost == pytest.approx(0.086)
    asked = endpoint.bodies[1]["messages"]
    assert asked[1] == {"role": "assistant", "content": "bad"} and "does not begin with good" in asked[2]["content"]


def test_what_cannot_be_repaired_is_rejected_and_paid_once(endpoint, model, tmp_path):
    endpoint.last = completion("bad")
    for _ in range(2):
        (error_,) = model().ask_all([ask()])
        assert isinstance(error_, Rejected) and str(error_) == "it does not begin with good"
        assert (error_.error_class, error_.prompt_tokens, len(error_.responses)) == ("BadAnswer", 62, 2)
    assert len(endpoint.requests) == 2 and spent(Workspace(str(tmp_path)), "caption.refine").calls == 2


def test_an_answer_cut_short_is_asked_for_in_brief_and_then_names_the_fix(endpoint, model):
    cut = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "good b"}}
    endpoint.last = completion("", choices=[cut])
    (error_,) = model().ask_all([ask()])
    assert "max_tokens" in str(error_) and "be brief" in endpoint.bodies[1]["messages"][2]["content"]


def test_a_model_that_declines_is_not_asked_again(endpoint, model):
    declined = {"index": 0, "finish_reason": "content_filter", "message": {"role": "assistant", "content": None}}
    endpoint.last = completion("", choices=[declined])
    for _ in range(2):
        (error_,) = model().ask_all([ask()])
        assert isinstance(error_, Rejected) and error_.error_class == "Refused"
    assert len(endpoint.requests) == 1


def test_a_refused_request_fails_alone(endpoint, model):
    endpoint.last = lambda body: error(400, f"flagged {KEY}") if "7" in str(body["messages"]) else echo(body)
    answers = model().ask_all([ask(number) for number in range(10)])
    failed = [answer for answer in answers if isinstance(answer, SampleError)]
    assert failed == [answers[7]] and failed[0].error_class == "Refused"
    assert KEY not in str(failed[0]) and not Failure.of(failed[0]).transient


def test_a_request_that_always_fails_is_to_blame_where_the_endpoint_is_there(endpoint, model):
    endpoint.last = lambda body: error(500) if "7" in str(body["messages"]) else echo(body)
    answers = model(requests=1).ask_all([ask(7), *(ask(number) for number in range(3)), ask(17)])
    assert [isinstance(answer, SampleError) for answer in answers] == [True, False, False, False, True]
    for error_ in (answers[0], answers[4]):
        assert not isinstance(error_, PendingError) and error_.error_class == "Unavailable"
        assert "tried 4 times" in str(error_)
    assert len(endpoint.requests) == 3 + 2 * 4


def test_an_endpoint_that_is_not_there_is_left_alone_and_nobody_blamed(endpoint, model):
    endpoint.models = Answer(0)
    endpoint.last = Answer(0)
    made = model(requests=2)
    answers = made.ask_all([ask(number) for number in range(50)])
    assert {type(answer) for answer in answers} == {PendingError}
    assert {answer.error_class for answer in answers} == {"Unavailable"} and all(
        endpoint.url in str(a) for a in answers
    )
    asked = len(endpoint.requests)
    assert asked <= 2 * 4 and not Failure.of(answers[0]).transient and Failure.of(answers[0]).pending
    assert {type(answer) for answer in made.ask_all([ask()])} == {PendingError} and len(endpoint.requests) == asked


def test_an_endpoint_whose_model_is_down_is_blamed_after_a_few(endpoint, model):
    endpoint.last = error(502)
    answers = model(requests=1).ask_all([ask(number) for number in range(20)])
    blamed = [answer for answer in answers if not isinstance(answer, PendingError)]
    assert len(blamed) == sender.STUCK and len(endpoint.requests) == 4 * (sender.STUCK + 1)


def test_an_endpoint_that_comes_back_is_asked_again(endpoint, model, monkeypatch):
    monkeypatch.setattr(sender, "CLOSED_S", 0.0)
    made, there = model(), endpoint.models
    endpoint.models = endpoint.last = Answer(0)
    assert isinstance(made.ask_all([ask()])[0], PendingError)
    endpoint.models, endpoint.last = there, echo
    assert made.ask_all([ask()])[0].value == "good Tell."


def test_an_endpoint_that_refuses_for_haste_for_ever_leaves_all_pending(endpoint, model, monkeypatch):
    monkeypatch.setattr(sender, "PATIENCE", 0.2)
    endpoint.last = error(429)
    answers = model().ask_all([ask(number) for number in range(5)])
    assert {(type(answer), answer.error_class) for answer in answers} == {(PendingError, "RateLimited")}


def test_a_pause_longer_than_anybody_waits_leaves_all_pending_at_once(endpoint, model):
    endpoint.last = error(429, Retry_After="86400")
    made = model(requests=2)
    answers = made.ask_all([ask(number) for number in range(9)])
    assert {(type(answer), answer.error_class) for answer in answers} == {(PendingError, "RateLimited")}
    assert len(endpoint.requests) <= 2 and made.ask_all([ask()])[0].retry_after > 86000


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_ends_the_run_at_once(endpoint, model, status):
    endpoint.last = error(status, "no such thing")
    with pytest.raises(ConfigError, match=r"caption\.refine: .* refuses the model m.*no such thing"):
        model(requests=3).ask_all([ask(number) for number in range(50)])
    assert len(endpoint.requests) <= 3


def test_a_request_that_is_forbidden_among_others_fails_alone(endpoint, model):
    """Firewalls before endpoints refuse what looks like an attack, with the status of a wrong key."""
    made = model(requests=1)
    endpoint.last = echo
    made.ask_all([ask(0)])
    endpoint.last = lambda body: error(403, "blocked") if "7" in str(body["messages"]) else echo(body)
    answers = made.ask_all([ask(7), ask(2)])
    assert [getattr(answer, "error_class", "ok") for answer in answers] == ["Refused", "ok"]
    endpoint.last = error(403, "blocked")
    with pytest.raises(ConfigError):
        made.ask_all([ask(number) for number in range(3, 30)])


def test_an_endpoint_that_refuses_whatever_it_is_asked_ends_the_run(endpoint, model):
    endpoint.last = error(400, "response_format json_schema is not supported")
    with pytest.raises(ConfigError, match=r"form of the request.*json_schema"):
        model(requests=1).ask_all([ask(number) for number in range(50)])
    assert len(endpoint.requests) == sender.REFUSALS


def test_what_was_answered_before_the_run_ended_is_not_asked_again(endpoint, model):
    endpoint.answers, endpoint.last = [completion("good")], error(401)
    with pytest.raises(ConfigError):
        model(requests=1).ask_all([ask(number) for number in range(3)])
    endpoint.last = echo
    answers = model(requests=1).ask_all([ask(number) for number in range(3)])
    assert sorted((answer.cached, answer.value == "good") for answer in answers) == [(False, False)] * 2 + [
        (True, True)
    ]


def test_no_credit_and_no_key_end_the_run(endpoint, model, monkeypatch):
    endpoint.last = error(429, "quota", code="insufficient_quota")
    with pytest.raises(MissingError, match="no credit"):
        model().ask_all([ask()])
    monkeypatch.delenv(KEY_ENV)
    with pytest.raises(MissingError, match=KEY_ENV):
        model()


def cents(**changes):
    """A price at which every answer costs 4.3 dollars, and a request at most 10 more than its bytes in dollars."""
    return {"price": Price(input=1e5, output=1e5), "max_tokens": 20, **changes}


def test_the_budget_is_never_passed_and_what_is_left_is_pending(endpoint, model, tmp_path):
    endpoint.last = echo
    made = model(**cents(budget=30.0, requests=5))
    answers = made.ask_all([ask(number) for number in range(20)])
    paid = [answer for answer in answers if isinstance(answer, Said)]
    left = [answer for answer in answers if not isinstance(answer, Said)]
    total = spent(Workspace(str(tmp_path)), "caption.refine")
    assert {(type(answer), answer.error_class) for answer in left} == {(PendingError, "BudgetSpent")}
    assert len(paid) == len(endpoint.requests) == total.calls and total.dollars == pytest.approx(4.3 * len(paid))
    most = 0.1 * (len('["[{"content":"19","role":"user"}],null]') + 20)
    assert 30.0 - most < total.dollars <= 30.0
    assert [type(answer) for answer in made.ask_all([ask(99)])] == [PendingError]


def test_the_budget_holds_over_all_runs_and_more_of_it_goes_on(endpoint, model):
    endpoint.last = echo
    questions = [ask(number) for number in range(20)]
    first = model(**cents(budget=30.0)).ask_all(questions)
    asked = len(endpoint.requests)
    assert model(**cents(budget=30.0)).ask_all(questions) is not None and len(endpoint.requests) == asked
    answers = model(**cents(budget=300.0)).ask_all(questions)
    assert all(isinstance(answer, Said) for answer in answers) and len(endpoint.requests) == 20
    assert sum(answer.cached for answer in answers) == sum(isinstance(answer, Said) for answer in first)


def test_answers_that_tell_no_tokens_are_taken_to_cost_the_most(endpoint, model, tmp_path):
    endpoint.last = completion("good", usage=None)
    answers = model(**cents(budget=30.0)).ask_all([ask(number) for number in range(20)])
    assert 0 < spent(Workspace(str(tmp_path)), "caption.refine").dollars <= 30.0
    assert answers[0].cost is None and answers[0].prompt_tokens is None
    assert isinstance(answers[-1], PendingError)


def test_an_endpoint_travels_closed_and_is_opened_there(endpoint, model):
    made = pickle.loads(pickle.dumps(model()))
    made.open()
    try:
        assert made.ask_all([Ask([{"role": "user", "content": "x"}], str)])[0].value
    finally:
        made.close()


def test_questions_from_several_threads_share_one_pace(endpoint, model):
    endpoint.last = echo
    made, found = model(), {}

    def work(start):
        found[start] = made.ask_all([ask(number) for number in range(start, start + 5)])

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = {start: [answer.value for answer in answers] for start, answers in found.items()}
    assert values == {start: [f"good {start + number}" for number in range(5)] for start in (0, 10, 20)}


def test_an_error_in_what_accepts_is_nobody_elses(endpoint, model):
    def broken(said):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model().ask_all([Ask([{"role": "user", "content": "x"}], broken)])


def test_what_is_spent_and_forecast_is_told_by_kind(endpoint, model):
    endpoint.last = echo
    made = model(price=PRICE)
    made.ask_all([ask(1), ask(2)])
    assert made.spent() == {
        "calls": 2,
        "cached": 0,
        "prompt_tokens": 62,
        "answer_tokens": 24,
        "dollars": pytest.approx(0.086),
    }
    told = made.forecast(3, [ask(1), ask(2), ask(3)])
    assert told[0] == "caption.refine: about 1 calls of m; 2 are asked already" and told[2].startswith("cost: $0.04")
