"""The gates of a host, over files that several processes share."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter

import pytest

from vidal.engine.errors import ConfigError, PendingError
from vidal.harvest.network.hosts import EVERYWHERE, Hosts, private, state_folder
from vidal.harvest.network.state import Breaker, Pace

SITE = "site.example"


def hosts(
    concurrency=2, per_second=1000.0, everywhere=10_000.0, overrides=None, failures=3, cooldown=60.0, patience=5.0
):
    overrides = overrides or {}
    return Hosts(Pace(concurrency, per_second), everywhere, overrides, Breaker(failures, cooldown), patience)


def enter_and_hold(folder, concurrency, held):
    """What a worker does that is killed while it reads an answer."""
    os.environ["XDG_RUNTIME_DIR"] = folder
    leave = hosts(concurrency).enter(SITE)
    held.send("held")
    time.sleep(600)
    leave()


def begin_often(folder, per_second, count, answers):
    """What each of several workers does: begin requests as soon as it may."""
    os.environ["XDG_RUNTIME_DIR"] = folder
    gates = hosts(concurrency=16, per_second=per_second)
    times = []
    for _ in range(count):
        leave = gates.enter(SITE)
        times.append(time.time())
        leave()
    answers.send(times)


def test_no_more_requests_are_at_a_host_than_it_is_asked_for_at_once():
    gates, inside, peak, lock = hosts(concurrency=3), Counter(), [0], threading.Lock()

    def work():
        for _ in range(4):
            leave = gates.enter(SITE)
            with lock:
                inside["now"] += 1
                peak[0] = max(peak[0], inside["now"])
            time.sleep(0.03)
            with lock:
                inside["now"] -= 1
            leave()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peak == [3]


def test_the_place_of_a_killed_worker_comes_back(own_state):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=enter_and_hold, args=(str(own_state), 1, theirs), daemon=True)
    worker.start()
    assert ours.recv() == "held"
    entered = threading.Event()

    def enter():
        hosts(concurrency=1).enter(SITE)()
        entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.5)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert entered.wait(30)
    waiting.join()


def test_several_processes_together_keep_the_pace_of_one(own_state):
    context, rate, count = multiprocessing.get_context("spawn"), 40.0, 15
    pipes = [context.Pipe() for _ in range(3)]
    workers = [context.Process(target=begin_often, args=(str(own_state), rate, count, theirs)) for _, theirs in pipes]
    for worker in workers:
        worker.start()
    times = sorted(instant for ours, _ in pipes for instant in ours.recv())
    for worker in workers:
        worker.join()
    assert len(times) == 3 * count
    assert times[-1] - times[0] >= (len(times) - 1) / rate - 0.1


def test_hosts_of_one_pattern_count_as_one_and_ports_make_hosts():
    gates = hosts(overrides={"*.Example.org": Pace(1, 1.0)})
    assert gates.key("A.example.ORG", None) == gates.key("b.example.org.", 8080) == "*.Example.org"
    assert gates.key("example.com", None) == gates.key("EXAMPLE.com.", None) == "example.com"
    assert gates.key("example.com", 8080) == "example.com:8080"


def test_a_pattern_for_all_hosts_is_not_the_pace_of_all_together():
    gates = hosts(overrides={"*": Pace(1, 2.0)}, everywhere=1000.0)
    gates.enter(gates.key("example.com", None))()
    assert gates.state("*").next - gates.state(EVERYWHERE).next > 0.3


def test_all_hosts_together_keep_the_pace_of_all():
    gates = hosts(everywhere=20.0)
    began = time.monotonic()
    for number in range(9):
        gates.enter(f"host{number}.example")()
    assert time.monotonic() - began >= 8 / 20.0 - 0.05


def test_a_host_that_is_left_alone_for_longer_than_one_waits_leaves_samples_pending():
    gates = hosts(concurrency=1, failures=2, cooldown=600.0)
    gates.note_failure(SITE, "HTTP 503")
    gates.enter(SITE)()
    gates.note_failure(SITE, "HTTP 503")
    for _ in range(3):
        with pytest.raises(PendingError, match=r"site\.example is not asked for another .* HTTP 503") as caught:
            gates.enter(SITE)
    assert caught.value.error_class == "HostClosed"
    assert caught.value.pending
    hosts().enter("other.example")()


def test_a_short_rest_is_waited_out():
    gates = hosts()
    gates.note_pause(SITE, 0.5)
    until = time.time() + 0.45
    gates.enter(SITE)()
    assert time.time() >= until


def test_a_rest_asked_for_while_others_wait_for_their_turn_holds_for_them_too():
    """The turn was given before the host asked to be left alone."""
    gates = hosts(per_second=4.0)
    gates.enter(SITE)()
    began = threading.Event()
    instants = []

    def second():
        began.set()
        gates.enter(SITE)()
        instants.append(time.time())

    waiting = threading.Thread(target=second)
    waiting.start()
    began.wait()
    time.sleep(0.1)
    gates.note_pause(SITE, 1.0)
    until = time.time() + 0.95
    waiting.join()
    assert instants[0] >= until


def test_what_one_worker_learns_of_a_host_all_know_and_the_next_build_too():
    hosts().close(SITE, "it takes us for a robot")
    with pytest.raises(PendingError, match="robot"):
        hosts().enter(SITE)


def test_a_state_that_cannot_be_read_is_a_fresh_one():
    gates = hosts()
    gates.close(SITE, "x")
    for content in (b"", b"{", b"[]", b'{"unknown": 1}', b"\xff\xfe"):
        gates._file(SITE).write_bytes(content)
        gates.enter(SITE)()


def test_a_failure_is_forgotten_with_the_next_answer():
    gates = hosts(failures=2, cooldown=600.0)
    for _ in range(5):
        gates.note_failure(SITE, "x")
        gates.note_answer(SITE)
    gates.enter(SITE)()


def test_the_state_lies_where_nobody_else_looks(own_state, monkeypatch):
    assert state_folder() == own_state / "vidal"
    assert state_folder().stat().st_mode & 0o077 == 0
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert state_folder() == own_state / f"vidal-{os.getuid()}"
    (own_state / "file").write_text("")
    (own_state / "link").symlink_to(own_state)
    with pytest.raises(ConfigError, match="somebody else"):
        private(own_state / "link")
