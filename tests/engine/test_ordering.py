from __future__ import annotations

import hashlib
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidal.engine import ordering
from vidal.engine.errors import ConfigError
from vidal.engine.ordering import BATCH, batches, ordered, place

SCHEMA = pa.schema([("id", pa.string()), ("query", pa.string()), ("tags", pa.list_(pa.string()))])


def sort(rows, *then):
    return list(ordered(SCHEMA, batches(SCHEMA, rows), *then))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=3)), max_size=40))
def test_rows_come_in_the_order_of_a_hash_of_their_id_whatever_their_order(pairs):
    rows = [{"id": id_, "query": query, "tags": [query, id_]} for id_, query in pairs]
    found = sort(rows, "query")
    assert found == sort(rows[::-1], "query")
    assert sorted(map(str, found)) == sorted(map(str, rows))
    assert [place(row["id"]) for row in found] == sorted(place(row["id"]) for row in rows)
    for before, after in pairwise(found):
        assert before["id"] != after["id"] or before["query"].encode() <= after["query"].encode()


def test_a_place_is_the_sha256_of_an_id():
    assert place("clips_1") == hashlib.sha256(b"clips_1").hexdigest()


def test_many_rows_pass_in_batches():
    rows = ({"id": f"s{number}", "query": None, "tags": None} for number in range(2 * BATCH + 7))
    found = [row["id"] for row in sort(rows)]
    assert found == sorted((f"s{number}" for number in range(2 * BATCH + 7)), key=place)
    assert sort([]) == []


def test_rows_that_go_through_the_disk_come_in_the_same_order(monkeypatch, tmp_path):
    rows = [{"id": f"s{n % 5000}", "query": f"q{n % 7}", "tags": [str(n), "ö"]} for n in range(6 * BATCH)]
    known = sort(rows, "query", "tags")
    monkeypatch.setattr(ordering, "HELD", 1000)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(ordering.tempfile, "tempdir", None)
    passing = ordered(SCHEMA, batches(SCHEMA, rows), "query", "tags")
    first = next(passing)
    assert len(list(tmp_path.glob("vidal-*/*.arrow"))) > 200
    assert [first, *passing] == known
    assert list(tmp_path.iterdir()) == []


def test_an_order_left_early_leaves_nothing_on_the_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(ordering, "HELD", 1000)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(ordering.tempfile, "tempdir", None)
    passing = ordered(SCHEMA, batches(SCHEMA, ({"id": str(n), "query": None, "tags": None} for n in range(2 * BATCH))))
    assert next(passing) and list(tmp_path.iterdir())
    passing.close()
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_making_the_rows_comes_out_as_itself():
    def rows():
        yield {"id": "a", "query": None, "tags": None}
        raise ConfigError("no clips there")

    with pytest.raises(ConfigError, match=r"^no clips there$"):
        sort(rows())
