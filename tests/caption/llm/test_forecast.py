from __future__ import annotations

from vidal.caption.llm import EndpointConfig, Price
from vidal.caption.llm.forecast import Survey, advice, counted, lines
from vidal.caption.llm.ledger import Totals

PRICED = {"price": Price(input=1.0, output=10.0)}
SPENT = Totals(calls=10, prompt_bytes=5000, prompt_tokens=1000, answer_tokens=300, dollars=0.5)


def config(**changes):
    return EndpointConfig(model="m", max_tokens=300, **changes)


def test_before_anything_is_known_the_assumptions_are_told():
    assert lines(config(), "k", Survey(3, [400, 800, 1200], 0), Totals()) == (
        "k: about 3 calls of m",
        "tokens: 600 in (4.0 bytes a token, assumed), 300 out (100 an answer, assumed)",
    )


def test_what_was_measured_takes_their_place():
    assert lines(config(budget=1.0, **PRICED), "k", Survey(4000, [1000] * 1000, 0), SPENT) == (
        "k: about 4,000 calls of m, as 1,000 of 4,000 samples show",
        "tokens: 800,000 in (5.0 bytes a token, as measured), 120,000 out (30 an answer, as measured)",
        "cost: $2.0000; $0.5000 left of the budget",
    )


def test_what_is_asked_already_is_not_counted_and_batches_cost_half():
    assert lines(config(batch=True, **PRICED), "k", Survey(100, [1000] * 5, 15), SPENT) == (
        "k: about 25 calls of m, as 20 of 100 samples show; 75 are asked already",
        "tokens: 5,000 in (5.0 bytes a token, as measured), 750 out (30 an answer, as measured)",
        "cost: $0.0063",
    )
    assert lines(config(), "k", Survey(2, [], 2), SPENT)[0] == "k: about 0 calls of m; 2 are asked already"


def test_nothing_to_do_is_nothing_to_say():
    assert lines(config(), "k", Survey(0, [], 0), SPENT) == ()


def test_how_to_go_on_is_told_by_what_is_in_the_way():
    told = config(budget=1.0, **PRICED)
    assert advice(told, "k", {"Other": 3}, 0.5) == ()
    (line,) = advice(told, "k", {"BudgetSpent": 1200}, 0.75)
    assert line.startswith("k.budget: $0.7500 of $1.0000 is spent") and line.endswith("go on with 1,200 samples")
    assert "within a day" in advice(told, "k", {"BatchPending": 7}, 0)[0]
    (line,) = advice(told, "k", {"Timeout": 2, "RateLimited": 3}, 0)
    assert "does not answer" in line and "5 samples" in line


def test_dollars_are_told_only_with_a_price():
    told = {"calls": 10, "cached": 0, "prompt_tokens": 1000, "answer_tokens": 300}
    assert counted(SPENT, priced=False) == told and counted(SPENT, priced=True) == {**told, "dollars": 0.5}
