from __future__ import annotations

import uuid
from collections.abc import Iterable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stopping import Stopped, Stopping
from vidal.engine.commits import Piece, Store, all_pieces
from vidal.engine.errors import MissingError
from vidal.engine.forgotten import Forgotten
from vidal.engine.purge import holding, purge, remove_strays, samples
from vidal.engine.step import OK, Read, Result
from vidal.engine.workspace import Workspace

STEP = "toy/step"
PRINTS = ("a" * 12, "b" * 12)
COLUMNS = {"value": pa.int64()}
LISTED = {"term": pa.string(), "found": pa.list_(pa.struct([("id", pa.string()), ("url", pa.string())]))}
ENDS = (".parquet", ".tar")
EVERYTHING = Read(STEP, members=("*",))
COMMITS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(PRINTS),
        st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), min_size=1),
    ),
    max_size=8,
)
"""Commits in order: part, fingerprint, and the values of samples. A sample may stand in several."""


def memory() -> Workspace:
    return Workspace(f"memory://{uuid.uuid4().hex}")


def commit(workspace: Workspace, part: int, fingerprint: str, values: dict[str, int]) -> Piece:
    """One more piece of a part: a row each, with a member for values above 0."""
    store = Store(workspace, STEP, fingerprint)
    number = max((piece.number for piece in store.pieces().get(part, ())), default=-1) + 1
    members = {id_: {"bin": f"{id_}={value}".encode()} if value else {} for id_, value in values.items()}
    results = [Result(id_, "video", OK, {"value": value}, members[id_]) for id_, value in values.items()]
    piece = Piece(part, number, fingerprint)
    store.write(piece, results, dict.fromkeys(values, "in"), COLUMNS, {"told": "by the step"})
    return piece


def view(workspace: Workspace) -> dict[tuple[str, int, str], tuple]:
    """What a build sees: the latest row and the members of every sample, under each fingerprint."""
    found = {}
    for fingerprint in PRINTS:
        store = Store(workspace, STEP, fingerprint)
        for part, pieces in store.pieces().items():
            rows = store.rows(pieces, ["value", "inputs", "members", "status"])
            contents = store.members(list(rows.values()), EVERYTHING)
            for (id_, row), content in zip(rows.items(), contents, strict=True):
                found[fingerprint, part, id_] = (row["value"], row["inputs"], row["status"], content)
    return found


def files(workspace: Workspace) -> dict[str, bytes]:
    return {name: workspace.read_bytes(f"{STEP}/{name}") for name in workspace.list(STEP)}


def take_out(workspace: Workspace, ids: Iterable[str]) -> None:
    gone = Forgotten().adding(ids)
    purge(workspace, STEP, holding(workspace, STEP, gone), gone)


@given(COMMITS, st.sets(st.sampled_from("abcdef")))
def test_the_others_stay_as_they_were_and_nothing_is_left_of_the_forgotten(commits, ids):
    workspace = memory()
    for each in commits:
        commit(workspace, *each)
    before, held = view(workspace), holding(workspace, STEP, Forgotten().adding(ids))
    clean = {f"{piece.stem}{end}" for piece in all_pieces(workspace, STEP) if piece not in held for end in ENDS}
    left_alone = {name: content for name, content in files(workspace).items() if name in clean}
    take_out(workspace, ids)
    after = files(workspace)
    assert view(workspace) == {key: row for key, row in before.items() if key[2] not in ids}
    assert left_alone.items() <= after.items()
    tars = {name: content for name, content in after.items() if name.endswith(".tar")}
    assert not [id_ for id_ in ids for content in tars.values() if f"{id_}=".encode() in content]
    assert {f"{name.removesuffix('.tar')}.parquet" for name in tars} <= set(after)
    assert holding(workspace, STEP, Forgotten().adding(ids)) == {}
    take_out(workspace, ids)
    assert files(workspace) == after


def commit_some(workspace: Workspace) -> None:
    commit(workspace, 0, PRINTS[0], {"a": 1, "b": 2, "c": 3})
    commit(workspace, 0, PRINTS[0], {"a": 4, "b": 5})
    commit(workspace, 0, PRINTS[0], {"d": 6})
    commit(workspace, 0, PRINTS[1], {"a": 7, "c": 8})
    commit(workspace, 1, PRINTS[0], {"e": 9})


def test_interrupted_anywhere_the_same_call_ends_the_work(tmp_path):
    whole = Workspace(str(tmp_path / "whole"))
    commit_some(whole)
    before = view(whole)
    take_out(whole, "a")
    expected, stops = files(whole), 0
    while True:
        url = str(tmp_path / f"stopped-{stops}")
        commit_some(Workspace(url))
        try:
            take_out(Stopping(url, stops), "a")
        except Stopped:
            others = {key: row for key, row in view(Workspace(url)).items() if key[2] != "a"}
            assert others == {key: row for key, row in before.items() if key[2] != "a"}, f"stopped at change {stops}"
            take_out(Workspace(url), "a")
            assert files(Workspace(url)) == expected, f"stopped at change {stops}"
            stops += 1
        else:
            break
    assert stops > 10


def test_rows_that_list_samples_lose_entries_alone(folder):
    """What a query found stays found, and the row of a query is no sample, whatever its id."""
    store = Store(folder, STEP, PRINTS[0])
    entries = [{"id": id_, "url": f"https://x/{id_}"} for id_ in "abc"]
    rows = [Result("q", "query", OK, {"term": "t", "found": entries}), Result("r", "query", OK, {"found": entries[:1]})]
    store.write(
        Piece(0, 0, PRINTS[0]), [*rows, Result("s", "query", OK, {"found": None})], dict.fromkeys("qrs", ""), LISTED
    )
    assert [row["id"] for row in samples(folder, f"{STEP}/part-000000-000-{PRINTS[0]}.parquet", ["id"])] == list("abca")
    take_out(folder, "aq")
    found = {row["id"]: row for row in store.table(["term", "found", "inputs"]).to_pylist()}
    assert {id_: row["found"] for id_, row in found.items()} == {"q": entries[1:], "r": [], "s": None}
    assert found["q"]["term"] == "t" and [piece.number for piece in all_pieces(folder, STEP)] == [1]


def test_samples_are_read_by_the_columns_named(folder):
    piece = commit(folder, 0, PRINTS[0], {"a": 1, "b": 2})
    found = list(samples(folder, f"{STEP}/{piece.stem}.parquet", ["id", "value"]))
    assert found == [{"id": "a", "value": 1}, {"id": "b", "value": 2}]


def test_a_new_piece_says_what_the_old_one_said(folder):
    old = commit(folder, 3, PRINTS[1], {"a": 1, "b": 2})
    schema = folder.read_table(f"{STEP}/{old.stem}.parquet").schema
    take_out(folder, "a")
    [new] = all_pieces(folder, STEP)
    assert new == Piece(3, 1, PRINTS[1])
    assert folder.read_table(f"{STEP}/{new.stem}.parquet").schema.equals(schema, check_metadata=True)


def test_tars_that_lie_beside_no_rows_go(folder):
    kept = commit(folder, 0, PRINTS[0], {"b": 2})
    folder.write_bytes(f"{STEP}/part-000007-000-{PRINTS[0]}.tar", b"a=1")
    folder.write_bytes(f"{STEP}/notes.tar", b"not ours")
    remove_strays(folder, STEP)
    assert folder.list(STEP) == ["notes.tar", f"{kept.stem}.parquet", f"{kept.stem}.tar"]


def test_a_tar_that_ends_too_early_is_one_message_and_loses_nothing(folder):
    piece = commit(folder, 0, PRINTS[0], {"a": 1, "b": 2})
    tar = f"{STEP}/{piece.stem}.tar"
    folder.write_bytes(tar, folder.read_bytes(tar)[:1024])
    before = files(folder)
    with pytest.raises(MissingError, match=r"part-000000-000-a+\.tar ends inside b\.bin"):
        take_out(folder, "a")
    assert files(folder) == before
