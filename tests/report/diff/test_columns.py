from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from vidal.report.diff import columns as module
from vidal.report.diff.columns import Columns
from vidal.report.diff.pairing import column, pair

KEYS = st.lists(st.sampled_from("abcdefghij"), max_size=14)


def both(table: pa.Table) -> list[Columns]:
    """The same rows from memory and from a file of small groups."""
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=4)
    return [Columns(table, "key"), Columns(stream, "key")]


@given(KEYS, st.data())
def test_a_table_is_read_by_columns_pieces_and_rows_without_repeated_keys(keys, data):
    table = pa.table({"key": pa.array(keys, pa.string()), "row": pa.array(range(len(keys)), pa.int64())})
    first = {key: keys.index(key) for key in keys}
    chosen = data.draw(st.lists(st.sampled_from(range(len(first))), max_size=6)) if first else []
    before, module.BATCH = module.BATCH, 3
    try:
        for found in both(table):
            assert found.keys.to_pylist() == list(first) and found.repeated == len(keys) - len(first)
            assert found.column("row").to_pylist() == list(first.values())
            told = {
                int(place): value
                for piece, places in found.batches("row")
                for value, place in zip(piece.to_pylist(), places, strict=True)
                if place >= 0
            }
            assert [told[place] for place in range(len(first))] == list(first.values())
            assert found.rows(chosen)["row"].to_pylist() == [list(first.values())[place] for place in chosen]
    finally:
        module.BATCH = before


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.randoms())
def test_samples_are_paired_by_key(first, second, random):
    one, other = random.sample(sorted(first), len(first)), random.sample(sorted(second), len(second))
    found = pair(pa.array(map(str, one), pa.large_string()), pa.array(map(str, other), pa.large_string()))
    assert found.lost.all() == [str(n) for n in one if n not in second]
    assert found.gained.all() == [str(n) for n in other if n not in first]
    assert [(one[left], other[right]) for left, right in zip(found.left, found.right, strict=True)] == [
        (n, n) for n in one if n in second
    ]
    assert all(found.other(left) == right for left, right in zip(found.left, found.right, strict=True))


@given(st.lists(st.tuples(st.sampled_from(["x", "y", None]), st.sampled_from(["x", "y", None])), max_size=20))
def test_values_that_changed_are_counted_by_what_they_were_and_are(pairs):
    keys = pa.array(map(str, range(len(pairs))), pa.large_string())
    old, new = (pa.chunked_array([[one[side] for one in pairs]], pa.string()) for side in (0, 1))
    found = column("licence", pair(keys, keys), old, new)
    assert found.samples.all() == [str(n) for n, (a, b) in enumerate(pairs) if a != b]
    told = {(turn.before, turn.after): turn.samples.all() for turn in found.turns}
    assert told == {
        both: [str(n) for n, one in enumerate(pairs) if one == both] for both in {p for p in pairs if p[0] != p[1]}
    }
    sizes = [len(turn.samples) for turn in found.turns]
    assert sizes == sorted(sizes, reverse=True) and sum(sizes) == np.sum([a != b for a, b in pairs])
