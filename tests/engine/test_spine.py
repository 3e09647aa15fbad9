from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_steps import Numbers

from vidal.engine import spine
from vidal.engine.commits import Store
from vidal.engine.nodes import Context
from vidal.engine.workspace import Workspace

SPINE = Numbers({})


@pytest.fixture
def store(folder):
    return Store(folder, SPINE.name, "a" * 12)


def sync(store, values, part_size=2):
    rows = [{"id": id_, "kind": "video", "value": value} for id_, value in values.items()]
    return spine.sync(SPINE, store, spine.in_order(SPINE.schema, rows), part_size)


def held(store):
    rows = store.table(["status", "rule", "value"]).to_pylist()
    return {row["id"]: (row["part"], row["status"], row["rule"], row["value"]) for row in rows}


def files(store):
    return store.workspace.list(store.step)


def test_new_ids_fill_parts(store):
    summary = sync(store, {"a": 1, "b": 2, "c": 3})
    assert (summary.wanted, summary.already, summary.done, summary.rejected) == (3, 0, 3, {})
    parts = [part for part, *_ in held(store).values()]
    assert sorted(parts) == [0, 0, 1]


def test_nothing_is_written_when_nothing_changed(store):
    sync(store, {"a": 1, "b": 2, "c": 3})
    before = files(store)
    summary = sync(store, {"c": 3, "b": 2, "a": 1})
    assert (summary.wanted, summary.already, summary.done) == (3, 3, 0) and files(store) == before


def test_later_ids_move_no_earlier_one(store):
    sync(store, {"a": 1, "b": 2, "c": 3})
    before = held(store)
    sync(store, {"a": 1, "b": 2, "c": 3, "d": 4})
    after = held(store)
    assert {id_: after[id_] for id_ in before} == before and after["d"][0] == 2


def test_a_changed_id_stays_in_its_part(store):
    sync(store, {"a": 1, "b": 2, "c": 3})
    before = held(store)
    summary = sync(store, {"a": 1, "b": 20, "c": 3})
    assert (summary.already, summary.done) == (2, 1)
    assert held(store) == {**before, "b": (before["b"][0], "ok", None, 20)}


def test_a_lost_id_is_withdrawn_once_and_comes_back(store):
    sync(store, {"a": 1, "b": 2})
    part = held(store)["b"][0]
    summary = sync(store, {"a": 1})
    assert (summary.wanted, summary.done, summary.rejected) == (1, 0, {"withdrawn": 1})
    assert held(store)["b"] == (part, "rejected", "withdrawn", None)
    before = files(store)
    assert sync(store, {"a": 1}).rejected == {} and files(store) == before
    assert sync(store, {"a": 1, "b": 2}).done == 1
    assert held(store)["b"] == (part, "ok", None, 2)


@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2), max_size=8), min_size=1, max_size=4))
def test_the_spine_holds_the_last_rows_and_parts_are_for_life(steps):
    import uuid

    store = Store(Workspace(f"memory://{uuid.uuid4().hex}"), SPINE.name, "a" * 12)
    parts: dict[str, int] = {}
    for values in steps:
        sync(store, values)
        found = held(store)
        assert {id_: row[3] for id_, row in found.items() if row[1] == "ok"} == values
        assert all(parts.setdefault(id_, row[0]) == row[0] for id_, row in found.items())
    sizes = [list(parts.values()).count(part) for part in set(parts.values())]
    assert max(sizes, default=0) <= 2


def test_rows_out_of_order_or_twice_are_refused(store):
    rows = list(spine.in_order(SPINE.schema, [{"id": id_, "kind": "video", "value": 1} for id_ in "abc"]))
    with pytest.raises(ValueError, match="out of order"):
        spine.sync(SPINE, store, reversed(rows), 2)
    with pytest.raises(ValueError, match="twice"):
        spine.sync(SPINE, store, [rows[0], rows[0]], 2)


def test_changes_of_many_parts_are_written_in_several_turns(store, monkeypatch):
    monkeypatch.setattr(spine, "CHANGED_ROWS", 3)
    before = {f"s{number}": number for number in range(20)}
    sync(store, before)
    parts = {id_: row[0] for id_, row in held(store).items()}
    after = {id_: value + 100 for id_, value in before.items() if value % 5}
    summary = sync(store, after)
    assert (summary.done, summary.rejected) == (16, {"withdrawn": 4})
    found = held(store)
    assert {id_: row[3] for id_, row in found.items() if row[1] == "ok"} == after
    assert {id_: row[0] for id_, row in found.items()} == parts
    assert sync(store, after).already == 16


class Copies(Numbers):
    """A spine made of what another one holds, and of its setting; `made` counts how often."""

    name = "toy/copies"
    reads = ("toy/numbers",)

    def __init__(self, offset: int) -> None:
        super().__init__({})
        self.offset, self.made = offset, 0

    def settings(self):
        return {"offset": self.offset}

    def run(self, context):
        return spine.standing(self, context) or spine.settle(self, context, self.copied(context))

    def copied(self, context):
        self.made += 1
        rows = context.store("toy/numbers").table(["kind", "value"]).to_pylist()
        rows = [{**row, "value": row["value"] + self.offset} for row in rows]
        return sync(context.store(self.name), {row["id"]: row["value"] for row in rows})


def test_a_spine_made_of_others_alone_is_made_again_only_where_they_or_its_settings_change(store):
    context = Context(store.workspace, {"toy/numbers": "a" * 12, "toy/copies": "b" * 12}, None)
    copies = Copies(1)
    sync(store, {"a": 1, "b": 2})
    assert copies.run(context).done == 2
    again = copies.run(context)
    assert (copies.made, again.wanted, again.already, again.done) == (1, 2, 2, 0)
    sync(store, {"a": 1, "b": 2, "c": 3})
    assert copies.run(context).done == 1 and copies.made == 2
    other = Copies(5)
    assert other.run(context).done == 3 and other.made == 1


def test_a_spine_whose_making_was_interrupted_is_made_again(store, monkeypatch):
    context = Context(store.workspace, {"toy/numbers": "a" * 12, "toy/copies": "b" * 12}, None)
    sync(store, {"a": 1, "b": 2, "c": 3})
    copies = Copies(1)
    write = Store.write
    monkeypatch.setattr(Store, "write", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        copies.run(context)
    monkeypatch.setattr(Store, "write", write)
    assert copies.run(context).done == 3 and copies.made == 2
