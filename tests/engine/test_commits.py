from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.commits import Piece, Store, all_pieces
from vidal.engine.errors import SampleError
from vidal.engine.step import FAILED, OK, Read, Result, Sample

PRINT = "0123456789ab"
COLUMNS = {"x": pa.int64()}
PIECES = st.builds(
    Piece, st.integers(0, 10**8), st.integers(0, 999), st.text("0123456789abcdef", min_size=12, max_size=12)
)


@pytest.fixture
def store(workspace):
    return Store(workspace, "stage/step", PRINT)


def ok(id_, x, **members):
    return Result(id_, "video", OK, {"x": x}, members)


def write(store, number, *results, part=0, fingerprint=PRINT):
    inputs = {result.id: f"in-{result.id}" for result in results}
    store.write(Piece(part, number, fingerprint), results, inputs, COLUMNS)


@given(PIECES)
def test_piece_names_round_trip(piece):
    assert Piece.parse(f"{piece.stem}.parquet") == piece


@given(st.lists(PIECES, max_size=6))
def test_names_sort_like_pieces_below_a_million_parts(pieces):
    small = [piece for piece in pieces if piece.part < 10**6]
    assert sorted(small) == sorted(small, key=lambda piece: piece.stem)


@pytest.mark.parametrize(
    "name", ["part-000001-000-0123456789ab.tar", "part-1-0-0123456789ab.parquet", "x", "run-1.json"]
)
def test_other_files_are_no_pieces(name):
    assert Piece.parse(name) is None


def test_the_latest_piece_of_a_part_wins(store):
    write(store, 0, ok("a", 1), ok("b", 2))
    write(store, 1, ok("b", 3), ok("c", 4))
    write(store, 0, ok("d", 5), part=1)
    pieces = store.pieces()
    assert {part: [p.number for p in found] for part, found in pieces.items()} == {0: [0, 1], 1: [0]}
    assert {id_: row["x"] for id_, row in store.rows(pieces[0], ["x"]).items()} == {"a": 1, "b": 3, "c": 4}
    assert store.table(["x"]).to_pylist() == [
        {"id": "a", "x": 1, "part": 0},
        {"id": "b", "x": 3, "part": 0},
        {"id": "c", "x": 4, "part": 0},
        {"id": "d", "x": 5, "part": 1},
    ]


def test_other_fingerprints_are_not_seen_but_listed(store):
    write(store, 0, ok("a", 1))
    write(store, 0, ok("a", 2), fingerprint="f" * 12)
    assert [row["x"] for row in store.table(["x"]).to_pylist()] == [1]
    assert [p.fingerprint for p in all_pieces(store.workspace, "stage/step")] == [PRINT, "f" * 12]


def test_members_are_read_back_by_their_place(store):
    write(store, 0, ok("a", 1, flac=b"sound", mp4=b"clip" * 300), ok("b", 2), ok("c", 3, mp4=b""))
    write(store, 1, ok("b", 2, mp4=b"later"))
    rows = store.rows(store.pieces()[0], ["members"])
    wanted = [rows[id_] for id_ in "cab"]
    assert list(store.members(wanted, Read("stage/step", members=("mp4",)))) == [
        {"mp4": b""},
        {"mp4": b"clip" * 300},
        {"mp4": b"later"},
    ]
    assert list(store.members(wanted, Read("stage/step"))) == [{}, {}, {}]
    assert rows["a"].digests["flac"] == hashlib.sha256(b"sound").hexdigest()


def test_a_piece_without_members_has_no_tar(store):
    write(store, 0, ok("a", 1))
    assert store.workspace.list("stage/step") == [f"part-000000-000-{PRINT}.parquet"]


def test_a_tar_without_rows_does_not_exist_for_anybody(store):
    store.workspace.write_bytes(f"stage/step/part-000000-000-{PRINT}.tar", b"half a tar")
    assert store.pieces() == {} and len(store.table(["x"])) == 0


def test_a_failure_is_a_row(store):
    failed = Sample("a", "audio").failed(SampleError("NotMedia", "no sound\nat all"))
    write(store, 0, failed)
    row = store.rows(store.pieces()[0], ["kind", "status", "error_class", "error_message", "x", "inputs"])["a"]
    assert row.values == {
        "id": "a",
        "kind": "audio",
        "status": FAILED,
        "error_class": "NotMedia",
        "error_message": "no sound",
        "x": None,
        "inputs": "in-a",
    }


def test_the_table_of_a_step_without_commits_has_its_columns(store):
    table = store.table(["status", "x"])
    assert len(table) == 0 and table.schema.names == ["id", "status", "x", "part"]
    assert table.schema.field("status").type == pa.string() and table.schema.field("x").type == pa.null()


def test_equal_results_give_equal_bytes_in_any_order(store):
    results = [ok("b", 1, txt=b"1"), ok("a", 2, txt=b"2", mp4=b"3")]
    write(store, 0, *results)
    write(store, 0, *reversed(results), part=1)
    for suffix in ("tar", "parquet"):
        first, second = (store.workspace.read_bytes(f"stage/step/part-00000{n}-000-{PRINT}.{suffix}") for n in (0, 1))
        assert first == second
