from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.caption.llm import EndpointConfig, Price
from vidal.caption.llm.asks import Reply
from vidal.caption.llm.ledger import Budget, Journal, Totals, bill, most_dollars, spent
from vidal.engine.workspace import Workspace

KEY = "caption.refine"
ONE = Totals(1, 0, 400, 100, 20, 0.25)


@pytest.fixture(params=["local", "memory"])
def workspace(request, tmp_path):
    return Workspace(str(tmp_path) if request.param == "local" else f"memory://{uuid.uuid4()}")


def test_the_journals_of_all_workers_are_summed(workspace):
    assert spent(workspace, KEY) == Totals()
    for answers in (1, 3):
        journal = Journal(workspace, KEY)
        for _ in range(answers):
            journal.add(ONE)
        journal.add(Totals(cached=1))
        journal.flush()
    Journal(workspace, "caption.video").add(ONE)
    assert spent(workspace, KEY) == Totals(4, 2, 1600, 400, 80, 1.0)


def test_a_worker_that_asks_nothing_leaves_no_journal(workspace):
    Journal(workspace, KEY).close()
    assert workspace.list(f"spending/{KEY}") == []


def test_a_local_journal_holds_every_answer_at_once_and_a_torn_line_counts_for_nothing(tmp_path):
    workspace = Workspace(str(tmp_path))
    journal = Journal(workspace, KEY)
    journal.add(ONE)
    journal.add(ONE)
    (file,) = (tmp_path / "spending" / KEY).iterdir()
    with file.open("a") as stream:
        stream.write('{"calls": 3, "cac')
    assert spent(workspace, KEY) == ONE + ONE


def test_only_the_end_of_a_long_journal_is_read(tmp_path):
    workspace = Workspace(str(tmp_path))
    journal = Journal(workspace, KEY)
    for _ in range(200):
        journal.add(Totals(calls=1))
    assert spent(workspace, KEY).calls == 200


def test_files_that_are_no_journals_count_for_nothing(workspace):
    for number, content in enumerate([b"", b"\n", b"[]\n", b'{"calls": 1, "more": 2}\n', b"no JSON\n"]):
        workspace.write_bytes(f"spending/{KEY}/{number}.jsonl", content)
    assert spent(workspace, KEY) == Totals()


def config(**changes):
    return EndpointConfig(model="m", max_tokens=100, price=Price(input=1e6, output=1e7), **changes)


def test_a_reply_is_billed_by_its_tokens_and_at_worst_where_it_tells_none():
    assert bill(config(), Reply("x", prompt_tokens=3, answer_tokens=2), 50) == Totals(1, 0, 50, 3, 2, 23.0)
    assert bill(config(), Reply("x", prompt_tokens=3, answer_tokens=2), 50, 0.5).dollars == 11.5
    assert bill(config(), Reply("x"), 50) == Totals(1, 0, 50, 0, 0, 1050.0)
    assert bill(EndpointConfig(model="m"), Reply("x", prompt_tokens=3, answer_tokens=2), 50).dollars == 0


@given(st.integers(0, 10**6), st.integers(0, 100))
def test_no_reply_costs_more_than_the_most(size, answer):
    most = most_dollars(config(), size)
    assert bill(config(), Reply("x", prompt_tokens=size, answer_tokens=answer), size).dollars <= most


def test_a_budget_counts_what_has_not_ended():
    budget = Budget(10.0, 3.0)
    assert budget.fits(7.0) and not budget.fits(7.1)
    budget.reserve(5.0)
    assert budget.fits(2.0) and not budget.fits(2.1)
    budget.settle(5.0, 1.0)
    assert (budget.spent, budget.reserved) == (4.0, 0) and budget.fits(6.0)
    assert Budget(None, 1e9).fits(1e9)


@given(st.lists(st.floats(0, 5), max_size=20), st.floats(0, 10))
def test_nothing_is_left_reserved_once_all_has_ended(costs, dollars):
    budget = Budget(dollars, 0.0)
    sent = [cost for cost in costs if budget.fits(cost) and budget.reserve(cost) is None]
    for cost in reversed(sent):
        budget.settle(cost, cost)
    assert budget.reserved == 0 and budget.spent <= dollars + 1e-9
