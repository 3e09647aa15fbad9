from __future__ import annotations

from dataclasses import replace

import pytest
from toy_steps import Add, Double, Numbers

from vidal.engine.attempt import Retry
from vidal.engine.build import Options
from vidal.engine.commits import Store
from vidal.engine.errors import ConfigError
from vidal.engine.nodes import fingerprint_of
from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Resources

VALUES = {f"n{number}": number for number in range(10)}


def rows(workspace, step, *columns):
    store = Store(workspace, step.name, fingerprint_of(step))
    return {row["id"]: row for row in store.table(["status", "error_class", "attempts", *columns]).to_pylist()}


def contents(workspace, step):
    return {name: workspace.read_bytes(f"{step}/{name}") for name in workspace.list(step) if name.startswith("part-")}


def test_columns_and_members_of_several_steps_are_joined(workspace, run_nodes):
    reports = run_nodes(workspace, [Numbers(VALUES), Double(), Add()])
    assert {id_: row["sum"] for id_, row in rows(workspace, Add(), "sum").items()} == {
        f"n{n}": 5 * n for n in range(10)
    }
    report = reports["toy/add"]
    assert (report.wanted, report.already, report.done, report.failed) == (10, 0, 10, {})
    assert report.worked > 0 and report.busy > 0


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (4, 3), (16, 2)])
def test_batches_and_threads_decide_no_result(folder, tmp_path, run_nodes, batch_size, threads):
    from vidal.engine.workspace import Workspace

    nodes = [Numbers(VALUES), Double(bad=(2, 7)), Add()]
    other = Workspace(str(tmp_path / "other"))
    run_nodes(folder, nodes)
    given = {"batch_size": batch_size, "threads": threads}
    run_nodes(other, nodes, resources={"toy/double": given, "toy/add": given})
    for step in ("toy/double", "toy/add"):
        assert contents(folder, step) == contents(other, step)


def test_a_failed_sample_goes_no_further_and_the_others_do(workspace, run_nodes):
    reports = run_nodes(workspace, [Numbers(VALUES), Double(bad=(3,)), Add()])
    assert reports["toy/double"].failed == {"BadNumber": 1} and reports["toy/double"].failures == 1
    assert reports["toy/add"].wanted == 9 and "n3" not in rows(workspace, Add(), "sum")


def test_preparing_may_fail_too(workspace, run_nodes):
    step = Double(factor=None)
    reports = run_nodes(workspace, [Numbers({"a": 1}), step])
    assert reports[step.name].failed == {"TypeError": 1}


def test_a_retry_counts_on(workspace, run_nodes):
    nodes = [Numbers(VALUES), Double(bad=(3, 4))]
    run_nodes(workspace, nodes)
    asked = Options(retry=Retry(attempts=1), retry_failed=frozenset())
    assert run_nodes(workspace, nodes, options=asked)["toy/double"].done == 2
    assert rows(workspace, nodes[1])["n3"]["attempts"] == 2
    nodes[1].bad = (4,)
    reports = run_nodes(workspace, nodes, options=replace(asked, retry_failed=frozenset({"BadNumber"})))
    found = rows(workspace, nodes[1])
    assert reports["toy/double"].failures == 1 and reports["toy/double"].failed == {"BadNumber": 1}
    assert [(found[i]["status"], found[i]["attempts"]) for i in ("n3", "n4")] == [("ok", 3), ("failed", 3)]


def test_an_error_that_is_nobodys_stops_the_build_and_keeps_what_was_done(folder, run_nodes):
    nodes = [Numbers(VALUES), Double(fatal=(9,))]
    with pytest.raises(ConfigError, match="the number 9 is not configured"):
        run_nodes(folder, nodes)
    done = len(rows(folder, nodes[1]))
    assert done < 10
    nodes[1].fatal = ()
    report = run_nodes(folder, nodes)["toy/double"]
    assert (report.already, report.done) == (done, 10 - done)


def test_samples_that_kill_their_worker_are_quarantined_alone(folder, run_nodes):
    step = Double(exits=(1,), killed=(6,))
    runner = LocalRunner(1)
    try:
        report = run_nodes(folder, [Numbers(VALUES, part_size=5), step], runner)["toy/double"]
    finally:
        runner.close()
    found = rows(folder, step, "error_message", "double")
    crashed = {id_: row["error_message"] for id_, row in found.items() if row["error_class"] == "WorkerCrash"}
    assert crashed == {"n1": "the worker died on it (exit code 7)", "n6": "the worker died on it (signal SIGKILL)"}
    assert {id_: row["double"] for id_, row in found.items() if row["status"] == "ok"} == {
        f"n{n}": 2 * n for n in range(10) if n not in (1, 6)
    }
    assert report.failed == {"WorkerCrash": 2}
    assert not [path for path in folder.fs.find(f"{folder.root}/runs") if "/claims/" in path]


def test_own_resources_are_overridden_one_by_one(folder):
    from vidal.engine.build import Build

    build = Build(folder, [Numbers({}), Double()], Options(), {"toy/double": {"threads": 3}})
    assert build.resources(Double()) == Resources(batch_size=3, threads=3)


def test_pending_samples_are_committed_by_a_later_run(workspace, run_nodes):
    away = Double(away=("n2", "n7"))
    reports = run_nodes(workspace, [Numbers(VALUES), away, Add()])
    report = reports[away.name]
    assert (report.wanted, report.done, report.pending, report.failures) == (10, 8, {"Away": 2}, 0)
    assert "left pending 2 (Away 2)" in report.line
    assert set(rows(workspace, away)) == set(VALUES) - {"n2", "n7"}
    reports = run_nodes(workspace, [Numbers(VALUES), Double(), Add()])
    assert (reports[away.name].already, reports[away.name].done, reports[away.name].pending) == (8, 2, {})
    assert (reports["toy/add"].already, reports["toy/add"].done) == (8, 2)


def test_a_part_of_which_nothing_can_be_said_leaves_no_piece(workspace, run_nodes):
    step = Double(away=tuple(VALUES))
    assert run_nodes(workspace, [Numbers(VALUES), step])[step.name].pending == {"Away": 10}
    assert contents(workspace, step.name) == {}
    assert run_nodes(workspace, [Numbers(VALUES), step, Add()])["toy/add"].wanted == 0


def test_long_work_is_committed_as_it_goes(workspace, run_nodes, monkeypatch):
    monkeypatch.setattr("vidal.engine.worker.COMMIT_S", -1.0)
    run_nodes(workspace, [Numbers(VALUES), Double(), Add()])
    assert len(contents(workspace, "toy/double")) > 10 and set(rows(workspace, Double())) == set(VALUES)
    sums = {id_: row["sum"] for id_, row in rows(workspace, Add(), "sum").items()}
    assert sums == {f"n{n}": 5 * n for n in range(10)}
    reports = run_nodes(workspace, [Numbers(VALUES), Double(), Add()])
    assert reports["toy/double"].done == reports["toy/add"].done == 0
