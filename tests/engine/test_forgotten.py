from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from toy_steps import Double, Numbers

from vidal.engine import forgotten
from vidal.engine.forgotten import FILE, Forgotten, Held

NAMES = st.lists(st.text("ab_ü/", min_size=1, max_size=4), max_size=8)


def test_a_workspace_where_nothing_was_forgotten_has_no_list(workspace):
    assert forgotten.read(workspace) == Forgotten()
    assert "a" not in forgotten.read(workspace) and not workspace.exists(FILE)


def test_the_list_comes_back_as_it_was_written(workspace):
    gone = Forgotten().adding(["a", "clip one", "ü"]).placing({"a": Held("video", 12)})
    forgotten.write(workspace, gone)
    assert forgotten.read(workspace) == gone


def test_the_list_holds_hashes_and_no_names(folder):
    forgotten.write(folder, Forgotten().adding(["clips_somebody"]).placing({"clips_somebody": Held("video", 7)}))
    rows = folder.read_table(FILE).to_pylist()
    assert rows == [{"name": hashlib.sha256(b"clips_somebody").hexdigest(), "kind": "video", "size": 7}]
    assert b"somebody" not in folder.read_bytes(FILE)


@given(NAMES, NAMES)
def test_a_name_is_forgotten_if_it_is_on_the_list(on, off):
    gone = Forgotten().adding(on)
    assert all(name in gone for name in on)
    assert [name for name in off if name in gone] == [name for name in off if name in on]


def test_a_place_is_for_life():
    gone = (
        Forgotten().adding(["a", "b", "c"]).placing({"a": Held("video", 1), "b": Held("audio", 2), "x": Held("x", 9)})
    )
    again = gone.adding(["a", "d"]).placing({"a": Held("audio", 5), "d": Held("video", 4)})
    key = {name: hashlib.sha256(name.encode()).hexdigest() for name in "abcd"}
    assert again.places("video") == {key["a"]: 1, key["d"]: 4} and again.places("audio") == {key["b"]: 2}
    assert gone.places("video") == {key["a"]: 1} and set(gone.names) == {key["a"], key["b"], key["c"]}


class Listening(Double):
    """A step that says what it was told to keep out."""

    def keep_out(self, forgotten):
        self.told = forgotten


def test_a_step_is_told_before_it_works(folder, run_nodes):
    forgotten.write(folder, Forgotten().adding(["n9"]))
    step = Listening()
    run_nodes(folder, [Numbers({"n0": 0}), step])
    assert "n9" in step.told and "n0" not in step.told
