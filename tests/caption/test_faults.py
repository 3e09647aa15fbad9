"""Refinement against an endpoint that fails as endpoints do: everything is refined or fails with a reason, nothing is
paid twice, the spend is what the endpoint counts, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.caption.endpoint import KEY, KEY_ENV
from tests.caption.faulty import FAULTS, PRICE, Faulty, refining, titles
from vidal.caption.llm import Price
from vidal.caption.llm.ledger import spent
from vidal.caption.refine import KEY as SECTION

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
SOON = {"retry_after_ms": "40"}
A_SECOND = {"Retry_After": "1"}


@dataclass(frozen=True)
class Scale:
    """How much is asked of an endpoint: samples, requests at once, seconds for an answer, the pause it asks for; and
    how often a build is killed."""

    samples: int
    requests: int
    timeout: float
    pause: dict[str, str]
    kills: int

    @property
    def changes(self) -> dict[str, Any]:
        return {"requests": self.requests, "timeout": self.timeout, "price": PRICE}


SMALL = Scale(120, 16, 4.0, SOON, kills=1)
LARGE = Scale(2000, 64, 5.0, A_SECOND, kills=2)
SCALES = [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.slow)]


@pytest.fixture
def faulty(monkeypatch):
    monkeypatch.setenv(KEY_ENV, KEY)

    def faulty(scale: Scale) -> Faulty:
        return Faulty(scale.pause)

    return faulty


def accounted(folder: Path) -> tuple[int, tuple[int, int], float]:
    total = spent(refining(folder, "http://127.0.0.1:9/v1", 1).workspace, SECTION)
    return total.calls, (total.prompt_tokens, total.answer_tokens), total.dollars


def check_rows(rows: dict[str, Any], samples: int) -> None:
    """All are refined, each by its own answer, or have failed with a reason."""
    told = titles(samples)
    assert rows.keys() == told.keys()
    for id_, row in rows.items():
        if row["status"] == "ok":
            assert row["polish_mplug"] == f"In the video, a clip of {told[id_]}."
        else:
            assert row["status"] == "failed" and row["error_class"] in ("BadAnswer", "Timeout", "Unavailable")
            assert row["error_message"]
    assert sum(row["status"] == "ok" for row in rows.values()) >= 0.99 * samples


@pytest.mark.parametrize("scale", SCALES)
def test_all_is_refined_and_paid_once_under_faults(faulty, tmp_path, scale):
    with faulty(scale) as endpoint:
        report, rows = refining(tmp_path, endpoint.url, scale.samples).run(workers=1, **scale.changes)
        check_rows(rows, scale.samples)
        assert min(endpoint.met[fate] for fate in FAULTS) > 0
        assert max(endpoint.paid.values()) == 1 and report.pending == {}
        calls, tokens, dollars = accounted(tmp_path)
        assert (calls, tokens) == (endpoint.paid.total(), endpoint.spent)
        assert dollars == pytest.approx(Price(**PRICE).dollars(*tokens)) and report.spent["calls"] == calls
        before = endpoint.asked.total()
        refining(tmp_path, endpoint.url, scale.samples).run(**scale.changes, retry_failed=frozenset({"BadAnswer"}))
        assert endpoint.asked.total() == before, "a rejected answer is in the cache as well"


@pytest.mark.parametrize("scale", SCALES)
def test_the_budget_stops_within_the_requests_in_flight(faulty, tmp_path, scale):
    with faulty(scale) as endpoint:
        made = refining(tmp_path, endpoint.url, scale.samples)
        budget = 0.3 * scale.samples * 650e-6
        report, rows = made.run(**scale.changes, budget=budget)
        calls, tokens, dollars = accounted(tmp_path)
        assert (calls, tokens) == (endpoint.paid.total(), endpoint.spent)
        most = Price(**PRICE).dollars(2500, 300)
        assert budget - most < dollars <= budget
        assert 0 < report.pending["BudgetSpent"] == scale.samples - len(rows)
        _, rows = made.run(**scale.changes, budget=100.0)
        check_rows(rows, scale.samples)
        assert max(endpoint.paid.values()) == 1 and accounted(tmp_path)[1] == endpoint.spent


def build_of(process: subprocess.Popen[bytes]) -> int:
    return process.pid


def worker_of(process: subprocess.Popen[bytes]) -> int:
    """The worker of a build: its child that runs its parts."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return found[-1]


@pytest.mark.parametrize(
    ("victim", "scale"),
    [
        pytest.param(build_of, SMALL, id="build-small"),
        pytest.param(build_of, LARGE, id="build-large", marks=pytest.mark.slow),
        pytest.param(worker_of, LARGE, id="worker-large", marks=pytest.mark.slow),
    ],
)
def test_a_kill_costs_at_most_what_was_in_flight(faulty, tmp_path, victim: Callable[[Any], int], scale):
    kills = scale.kills
    with faulty(scale) as endpoint:
        command = [sys.executable, "-m", "tests.caption.faulty", str(tmp_path), endpoint.url, str(scale.samples)]
        command.append(json.dumps(scale.changes))
        process = None
        for share in range(1, kills + 1):
            process = process if process and process.poll() is None else subprocess.Popen(command, cwd=ROOT)
            while endpoint.paid.total() < share * scale.samples / (kills + 1):
                assert process.poll() is None
                time.sleep(0.005)
            os.kill(victim(process), signal.SIGKILL)
            if victim is build_of:
                assert process.wait(30) == -signal.SIGKILL
        if process is None or process.poll() is not None:
            process = subprocess.Popen(command, cwd=ROOT)
        assert process.wait(240) == 0
        _, rows = refining(tmp_path, endpoint.url, scale.samples).run(**scale.changes)
        check_rows(rows, scale.samples)
        twice = Counter({question: paid - 1 for question, paid in endpoint.paid.items()}).total()
        calls, *_ = accounted(tmp_path)
        assert twice <= kills * scale.requests
        assert 0 <= endpoint.paid.total() - calls <= kills * scale.requests
