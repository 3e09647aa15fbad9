from __future__ import annotations

import pytest
from toy_steps import Double

from vidal.engine.commits import Piece, Store
from vidal.engine.errors import SampleError
from vidal.engine.pending import Inputs, part_state, states
from vidal.engine.step import OK, REJECTED, Result, Sample

SPINE, STEP = "0" * 12, "1" * 12


class World:
    """A spine of one part and the step that reads it."""

    def __init__(self, workspace):
        self.step = Double()
        self.spine, self.own = Store(workspace, "toy/numbers", SPINE), Store(workspace, "toy/double", STEP)
        self.spine_pieces, self.own_pieces = 0, 0

    def give(self, kind="video", status=OK, **values):
        rows = [Result(id_, kind, status, {"value": value}) for id_, value in values.items()]
        piece = Piece(0, self.spine_pieces, SPINE)
        self.spine.write(piece, rows, dict.fromkeys(values, "-"), {"value": self.step_type})
        self.spine_pieces += 1

    @property
    def step_type(self):
        import pyarrow as pa

        return pa.int64()

    def commit(self, *ids, error=None, attempts=1):
        inputs = Inputs(self.step, {"toy/numbers": self.spine})
        rows = inputs.rows({"toy/numbers": self.spine.pieces()[0]})
        results = [
            Sample(id_, "video").failed(error) if error else Result(id_, "video", OK, {"double": 1}) for id_ in ids
        ]
        results = [Result(**{**vars(result), "attempts": attempts}) for result in results]
        digests = {id_: inputs.digest(rows[id_]) for id_ in ids}
        self.own.write(Piece(0, self.own_pieces, STEP), results, digests, self.step.columns)
        self.own_pieces += 1

    def state(self, kept=None, retry=None):
        inputs = Inputs(self.step, {"toy/numbers": self.spine})
        sources = {"toy/numbers": tuple(self.spine.pieces().get(0, ()))}
        return part_state(self.step, self.own, inputs, sources, self.own.pieces().get(0, []), 0, kept, retry)


@pytest.fixture
def world(folder):
    return World(folder)


def summary(state):
    return state.wanted, state.done, state.failed, state.work.ids if state.work else ()


def test_everything_is_pending_at_first(world):
    world.give(a=1, b=2)
    state = world.state()
    assert summary(state) == (2, 0, 0, ("a", "b"))
    assert (state.work.part, state.work.number, state.work.attempts, len(state.work)) == (0, 0, {}, 2)


def test_nothing_is_pending_once_done(world):
    world.give(a=1, b=2)
    world.commit("a", "b")
    assert summary(world.state()) == (2, 2, 0, ())


def test_a_new_sample_is_one_more_piece(world):
    world.give(a=1)
    world.commit("a")
    world.give(b=2)
    state = world.state()
    assert summary(state) == (2, 1, 0, ("b",)) and state.work.number == 1


def test_a_sample_whose_inputs_changed_is_pending(world):
    world.give(a=1, b=2)
    world.commit("a", "b")
    world.give(a=5)
    assert summary(world.state()) == (2, 1, 0, ("a",))


def test_a_column_that_is_not_read_changes_nothing(world):
    world.give(a=1)
    world.commit("a")
    rows = [Result("a", "video", OK, {"value": 1, "other": "new"})]
    import pyarrow as pa

    world.spine.write(Piece(0, 1, SPINE), rows, {"a": "changed"}, {"value": pa.int64(), "other": pa.string()})
    assert summary(world.state()) == (1, 1, 0, ())


def test_failed_samples_are_done_until_a_retry_is_asked_for(world):
    world.give(a=1, b=2, c=3)
    world.commit("a", error=SampleError("NotFound", "gone"), attempts=3)
    world.commit("b", error=SampleError("Timeout", "slow"))
    world.commit("c")
    assert summary(world.state()) == (3, 3, 2, ())
    everything = world.state(retry=frozenset())
    assert summary(everything) == (3, 1, 0, ("a", "b")) and everything.work.attempts == {"a": 3, "b": 1}
    assert summary(world.state(retry=frozenset({"Timeout"}))) == (3, 2, 1, ("b",))
    assert summary(world.state(retry=frozenset({"Nothing"}))) == (3, 3, 2, ())


def test_only_what_the_verdicts_keep_is_wanted(world):
    world.give(a=1, b=2)
    world.commit("a")
    assert summary(world.state(kept={"a"})) == (1, 1, 0, ())
    assert summary(world.state(kept={"b"})) == (1, 0, 0, ("b",))
    assert summary(world.state(kept=frozenset())) == (0, 0, 0, ())


def test_samples_of_another_kind_are_not_wanted(world):
    world.give(kind="query", a=1)
    world.give(b=2)
    assert summary(world.state()) == (1, 0, 0, ("b",))


def test_a_withdrawn_sample_is_not_wanted_and_comes_back_with_its_result(world):
    world.give(a=1, b=2)
    world.commit("a", "b")
    world.give(status=REJECTED, a=1)
    assert summary(world.state()) == (1, 1, 0, ())
    world.give(a=1)
    assert summary(world.state()) == (2, 2, 0, ())


def test_parts_come_in_order_and_a_missing_verdict_keeps_nothing(folder):
    import pyarrow as pa

    spine, own, step = Store(folder, "toy/numbers", SPINE), Store(folder, "toy/double", STEP), Double()
    for part in (3, 0, 1):
        rows = [Result(f"s{part}", "video", OK, {"value": part})]
        spine.write(Piece(part, 0, SPINE), rows, {f"s{part}": "-"}, {"value": pa.int64()})
    found = list(states(step, own, {"toy/numbers": spine}, {0: {"s0"}, 3: {"s3"}}, None))
    assert [(state.part, state.wanted) for state in found] == [(0, 1), (1, 0), (3, 1)]
