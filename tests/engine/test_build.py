from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_steps import Add, AtMost, Double, Numbers

from vidal.engine import pending
from vidal.engine.build import Build, Options, Outlook, above_tolerance, limited
from vidal.engine.errors import MissingError
from vidal.engine.pending import PartWork
from vidal.engine.progress import Lines, StepReport
from vidal.engine.runs import RunRecord, events, new_id
from vidal.engine.step import Read

VALUES = {f"n{number}": number for number in range(10)}


@given(st.lists(st.integers(1, 9), max_size=6), st.none() | st.integers(0, 30))
def test_a_limit_cuts_the_works_in_order(sizes, limit):
    works = [PartWork(part, 0, tuple(f"{part}-{n}" for n in range(size)), {}, {}) for part, size in enumerate(sizes)]
    ids = [id_ for work in works for id_ in work.ids]
    taken = limited(iter(works), limit)
    assert [id_ for work in taken for id_ in work.ids] == (ids if limit is None else ids[:limit])
    assert all(len(work) for work in taken)


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1))
def test_a_step_is_above_tolerance_by_the_share_of_its_wanted_samples(wanted, failures, tolerance):
    report = StepReport("a/b", wanted=wanted, already=0, done=0, failures=min(failures, wanted))
    assert above_tolerance([report], tolerance) == (["a/b"] if min(failures, wanted) > tolerance * wanted else [])


def test_a_second_run_does_nothing(workspace, run_nodes):
    nodes = [Numbers(VALUES), Double(), Add()]
    run_nodes(workspace, nodes)
    before = {path: workspace.fs.modified(path) for path in workspace.fs.find(workspace.root) if "/runs/" not in path}
    reports = run_nodes(workspace, nodes)
    assert [(r.wanted, r.already, r.done) for r in reports.values()] == [(10, 10, 0)] * 3
    after = {path: workspace.fs.modified(path) for path in workspace.fs.find(workspace.root) if "/runs/" not in path}
    assert after == before


def test_a_changed_setting_redoes_its_step_and_what_changes_after_it(workspace, run_nodes):
    run_nodes(workspace, [Numbers(VALUES), Double(), Add()])
    reports = run_nodes(workspace, [Numbers(VALUES), Double(factor=3), Add()])
    assert [report.done for report in reports.values()] == [0, 10, 9]
    back = run_nodes(workspace, [Numbers(VALUES), Double(), Add()])
    assert [report.done for report in back.values()] == [0, 0, 9]


def test_runs_with_a_limit_add_up(workspace, run_nodes):
    nodes = [Numbers(VALUES), Double(), Add()]
    done = [run_nodes(workspace, nodes, options=Options(limit=4))["toy/add"].done for _ in range(4)]
    assert done == [4, 4, 2, 0]


def test_a_selected_stage_names_what_it_misses(workspace, run_nodes):
    class Later(Double):
        name = "later/double"

    nodes = [Numbers(VALUES), Double(), Later()]
    with pytest.raises(MissingError, match=r"later/double needs toy/numbers.*vidal build --stage toy"):
        run_nodes(workspace, nodes, options=Options(stages=("later",)))
    run_nodes(workspace, nodes, options=Options(stages=("toy",)))
    assert run_nodes(workspace, nodes, options=Options(stages=("later",)))["later/double"].done == 10


def test_a_record_tells_each_commit(workspace, run_nodes):
    run_nodes(workspace, [Numbers(VALUES), Double(bad=(1,))])
    (run,) = workspace.list("runs")
    found = events(workspace, run)
    assert sum(e["samples"] for e in found if e["event"] == "part_committed") == 10
    ended = [event for event in found if event["event"] == "step_ended"]
    assert [event["step"] for event in ended] == ["toy/numbers", "toy/double"] and ended[1]["failed"] == {
        "BadNumber": 1
    }
    assert {"pipeline", "host", "versions", "command"} <= set(workspace.read_json(f"runs/{run}/run.json"))


def test_a_record_cut_short_is_readable(folder):
    record = RunRecord(folder, new_id(), {}, [])
    record.event("one", n=1)
    record.close()
    name = f"runs/{record.id}/events.jsonl"
    folder.write_bytes(name, folder.read_bytes(name) + b'{"event": "tw')
    assert [event["event"] for event in events(folder, record.id)] == ["one"]


def test_the_line_of_truth():
    written = []
    report = StepReport(
        "a/b",
        10,
        4,
        6,
        {"short": 1},
        {"Timeout": 2, "NotFound": 1},
        failures=3,
        seconds=2.0,
        busy=3.0,
        worked=4.0,
        notes=("see x",),
    )
    Lines(written.append).ended(report)
    assert written == [
        "a/b                  wanted 10, already 4, done 6, rejected 1 (short 1), failed 3 (NotFound 1, Timeout 2), "
        "2.0 s, 3.0/s, 75% in process",
        "  see x",
    ]


def test_a_changed_policy_takes_up_what_was_rejected_and_nothing_else(workspace, run_nodes):
    def run(limit):
        report = run_nodes(workspace, [Numbers(VALUES), AtMost(limit)])["toy/at-most"]
        return report.done, report.rejected

    assert run(5) == (10, {"large": 4})
    assert run(5) == (0, {})
    assert run(7) == (4, {"large": 2})
    assert run(20) == (2, {})
    assert run(3) == (0, {}), "what was let in stands"


def test_what_a_step_will_cost_is_said_before_it_runs(workspace, run_nodes):
    lines = []
    observer = Lines(lines.append)
    run_nodes(workspace, [Numbers(VALUES), AtMost(5)], observer=observer)
    run_nodes(workspace, [Numbers(VALUES), AtMost(5)], observer=observer)
    assert lines.count("  10 numbers to look at") == 1 and sum("numbers to look at" in line for line in lines) == 1


def test_a_changed_hint_takes_up_what_was_rejected_and_nothing_else(workspace, run_nodes):
    def run(values):
        report = run_nodes(workspace, [Numbers(values), AtMost(5, hint=True)])["toy/at-most"]
        return report.done, report.rejected

    assert run({"a": 1, "b": 7, "c": 8}) == (3, {"large": 2})
    assert run({"a": 2, "b": 3, "c": 8}) == (1, {}), "one that is let in now; one that stands; one still rejected"
    assert run({"a": 9, "b": 3, "c": 8}) == (0, {})


def refused(*arguments):
    raise AssertionError("rows were read")


def test_of_a_step_that_was_done_no_row_is_read(workspace, run_nodes, monkeypatch):
    nodes = [Numbers(VALUES), Double(bad=(1,)), Add()]
    first = run_nodes(workspace, nodes)
    monkeypatch.setattr(pending, "states", refused)
    again = run_nodes(workspace, nodes)
    assert [(r.wanted, r.already, r.done, r.failures) for r in again.values()] == [
        (r.wanted, r.wanted, 0, r.failures) for r in first.values()
    ]
    assert again["toy/double"].failures == 1 and again["toy/add"].wanted == 9


def test_what_is_left_to_do_is_told_and_its_rows_are_read_once(workspace, run_nodes, monkeypatch):
    nodes = [Numbers(VALUES), Double(), AtMost(10)]
    run_nodes(workspace, nodes, options=Options(limit=4))
    build, read, states = Build(workspace, nodes, Options()), [], pending.states
    monkeypatch.setattr(pending, "states", lambda *told: read.append(told[0].name) or states(*told))
    left = [build.outlook(nodes[1]) for _ in range(2)][1]
    assert left.wanted == 10 and len(left.pending) == 6 and read == ["toy/double"]
    run_nodes(workspace, nodes[:2], options=Options(limit=5))
    assert set(build.outlook(nodes[1]).pending) < set(left.pending)
    run_nodes(workspace, nodes)
    monkeypatch.setattr(pending, "states", refused)
    assert [build.outlook(node) for node in nodes[1:]] == [Outlook(10, ()), Outlook(10, ())]


@pytest.mark.parametrize("step", ["toy/numbers", "toy/double"])
def test_a_piece_more_or_less_has_the_rows_read_again(workspace, run_nodes, step):
    run_nodes(workspace, [Numbers(VALUES), Double()])
    (piece, *_) = [name for name in workspace.list(step) if name.endswith(".parquet")]
    workspace.remove(f"{step}/{piece}")
    assert run_nodes(workspace, [Numbers(VALUES), Double()])["toy/double"].done == 4
    more = run_nodes(workspace, [Numbers({**VALUES, "new": 11}), Double()])
    assert more["toy/double"].done == 1


def test_what_is_left_pending_is_looked_for_again(workspace, run_nodes):
    for away, done in ((("n3",), 9), (("n3",), 0), ((), 1)):
        assert run_nodes(workspace, [Numbers(VALUES), Double(away=away)])["toy/double"].done == done


def test_a_wish_to_retry_is_heard_where_nothing_is_pending(workspace, run_nodes):
    nodes = [Numbers(VALUES), Double(bad=(1, 2))]
    run_nodes(workspace, nodes)
    assert run_nodes(workspace, nodes)["toy/double"].done == 0
    assert run_nodes(workspace, nodes, options=Options(retry_failed=frozenset()))["toy/double"].done == 2


def test_optional_rows_are_null_where_they_are_not_ok(workspace, run_nodes):
    class Told(Double):
        name = "toy/told"
        reads = (Read("toy/numbers", ("value",)), Read("toy/double", ("double",), ("txt",), optional=True))
        columns = {"told": pa.string()}
        members = ()

        def process(self, samples):
            return [sample.ok({"told": f"{sample.columns['double']} {sorted(sample.members)}"}) for sample in samples]

    nodes = [Numbers(VALUES), Double(bad=(1,)), Told()]
    assert run_nodes(workspace, nodes)["toy/told"].done == 10
    build = Build(workspace, nodes, Options())
    told = {row["id"]: row["told"] for row in build.store("toy/told").table(["told"]).to_pylist()}
    assert told["n1"] == "None []" and told["n4"] == "8 ['txt']"
