from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_steps import Crash, DiesInSetup, Double, FailsInSetup, Numbers

from vidal.engine.errors import VidalError
from vidal.engine.runners import local
from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Resources
from vidal.engine.workspace import Workspace
from vidal.pipeline import RunnerConfig
from vidal.project import choose

ONE = Resources()
UNITS = list(range(6))
BUILD = """
import sys
from toy_steps import Stays
from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Resources
if __name__ == "__main__":
    list(LocalRunner(1).run(Stays(sys.argv[1]), [0], Resources()))
"""


@pytest.fixture(scope="module")
def pool():
    runner = LocalRunner(2)
    yield runner
    runner.close()


@pytest.fixture(params=["inline", "pool"])
def runner(request, pool):
    return LocalRunner(0) if request.param == "inline" else pool


def test_both_give_every_answer(runner):
    assert sorted(runner.run(Crash(), UNITS, ONE)) == [0, 2, 4, 6, 8, 10]
    assert list(runner.run(Crash(), [], ONE)) == []


def test_workers_start_together_however_large_their_units_are(monkeypatch):
    """A megabyte does not fit into a pipe: giving it waits for the worker, and no other start may wait for that."""
    told = []
    start, give = local._Worker.__init__, local._Worker.give
    monkeypatch.setattr(local._Worker, "__init__", lambda worker: told.append("start") or start(worker))
    monkeypatch.setattr(local._Worker, "give", lambda worker, *unit: told.append("give") or give(worker, *unit))
    runner = LocalRunner(2)
    try:
        list(runner.run(Crash(), ["x" * 1_000_000] * 3, ONE))
    finally:
        runner.close()
    assert told == ["start", "start", "give", "give", "give"]


def test_an_exception_is_one_error_that_names_step_unit_and_cause(runner):
    with pytest.raises(VidalError, match=r"^toy/crash: part 3: Unportable: seven is 3$"):
        list(runner.run(Crash(fails=3), UNITS, ONE))


def test_a_pool_goes_on_after_an_error(pool):
    with pytest.raises(VidalError):
        list(pool.run(Crash(fails=0), UNITS, ONE))
    assert sorted(pool.run(Crash(), UNITS, ONE)) == [0, 2, 4, 6, 8, 10]


def test_a_handler_that_cannot_be_set_up_is_one_error(runner):
    with pytest.raises(VidalError, match="no such device"):
        list(runner.run(FailsInSetup(), UNITS, ONE))


@pytest.mark.timeout(60)
def test_a_worker_that_always_dies_ends_the_run(pool):
    with pytest.raises(VidalError, match=r"toy/crash: part 0: .*exit code 9"):
        list(pool.run(DiesInSetup(), [0], ONE))


def test_an_idle_worker_that_was_killed_is_replaced():
    runner = LocalRunner(1)
    try:
        others = multiprocessing.active_children()
        assert list(runner.run(Crash(), [1], ONE)) == [2]
        (child,) = [p for p in multiprocessing.active_children() if p not in others]
        child.kill()
        child.join()
        assert list(runner.run(Crash(), [2], ONE)) == [4]
    finally:
        runner.close()


@pytest.mark.timeout(60)
def test_a_worker_ends_with_a_build_that_was_killed(tmp_path):
    (tmp_path / "build.py").write_text(BUILD, encoding="utf-8")
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    told = tmp_path / "worker"
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "build.py"), str(told)], env={**os.environ, "PYTHONPATH": path}
    ) as build:
        while not told.exists():
            time.sleep(0.02)
        worker = Path("/proc", told.read_text())
        assert worker.exists()
        build.kill()
    while not ended(worker):
        time.sleep(0.02)


def ended(process: Path) -> bool:
    """Whether a process, by its folder under /proc, is no more, or only waits to be counted as ended."""
    try:
        return "\nState:\tZ" in process.joinpath("status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_pool_and_process_write_the_same_bytes(pool, tmp_path, run_nodes):
    written = []
    for name, runner in (("a", None), ("b", pool)):
        workspace = Workspace(str(tmp_path / name))
        run_nodes(workspace, [Numbers({f"n{n}": n for n in range(20)}), Double(bad=(5,))], runner)
        files = [file for file in workspace.list("toy/double") if file.startswith("part-")]
        written.append({file: workspace.read_bytes(f"toy/double/{file}") for file in files})
    assert written[0] == written[1] and len(written[0]) == 10


@pytest.mark.parametrize(
    ("config", "pending", "kind"),
    [
        ({}, 10, "local"),
        ({}, 5001, "ray"),
        ({"ray_above": 10}, 11, "ray"),
        ({"address": "auto"}, 1, "ray"),
        ({"kind": "local"}, 10**6, "local"),
        ({"kind": "ray"}, 1, "ray"),
    ],
)
def test_the_runner_follows_from_the_amount_of_work(config, pending, kind):
    assert choose(RunnerConfig(**config), pending) == kind
