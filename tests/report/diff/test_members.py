"""Members compared by their checksums, as an index holds them, in any order and with any missing."""

from __future__ import annotations

from hashlib import sha256

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.schemas import INDEX
from vidal.report.diff.columns import Columns
from vidal.report.diff.members import members, series
from vidal.report.diff.pairing import pair
from vidal.report.diff.scores import indexed, scores

NAMES = ("mp4", "frm0.jpg", "frm1.jpg", "ofa0.txt", "txt")
MEMBERS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([b"", b"one", b"two", b"three"]))
SETS = st.dictionaries(st.sampled_from("abcdef"), MEMBERS, max_size=6)


def columns(samples: dict[str, dict[str, bytes]], checksums: bool = True) -> Columns:
    def place(name: str, content: bytes) -> dict:
        told = sha256(content).hexdigest() if checksums else None
        return {"name": name, "offset": 0, "size": len(content), "sha256": told}

    rows = [
        {"key": key, "shard": "s.tar", "members": [place(*one) for one in own.items()]} for key, own in samples.items()
    ]
    return Columns(pa.Table.from_pylist(rows, schema=INDEX), "key")


def own(sample: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {member: content for member, content in sample.items() if series(member) == name}


@given(SETS, SETS)
def test_a_series_changed_where_a_member_of_it_did(first, second):
    one, other = columns(first), columns(second)
    found = members(one, other, pair(one.keys, other.keys))
    assert found.by == "sha256"
    both = [key for key in first if key in second]
    assert {change.name for change in found.series} == {
        series(name) for samples in (first, second) for sample in samples.values() for name in sample
    }
    for change in found.series:
        pairs = {key: (own(first[key], change.name), own(second[key], change.name)) for key in both}
        assert change.changed.all() == [key for key, (a, b) in pairs.items() if a and b and a != b]
        assert change.came.all() == [key for key, (a, b) in pairs.items() if b and not a]
        assert change.went.all() == [key for key, (a, b) in pairs.items() if a and not b]


def test_members_that_change_places_are_seen():
    one = columns({"a": {"frm0.jpg": b"one", "frm1.jpg": b"two"}})
    other = columns({"a": {"frm0.jpg": b"two", "frm1.jpg": b"one"}})
    [frames] = members(one, other, pair(one.keys, other.keys)).series
    assert frames.name == "frm*.jpg" and frames.changed.all() == ["a"]


def test_of_rows_that_repeat_a_key_the_first_counts():
    told = {"a": {"mp4": b"one"}, "b": {"mp4": b"two"}}
    rows = columns(told).rows([0, 1, 0])
    rows = rows.set_column(0, "key", pa.array(["a", "b", "b"]))
    one, other = Columns(rows, "key"), columns(told)
    found = members(one, other, pair(one.keys, other.keys))
    assert one.repeated == 1 and [change.some for change in found.series] == [False]


def test_without_checksums_sizes_decide():
    one = columns({"a": {"mp4": b"one"}, "b": {"mp4": b"one"}}, checksums=False)
    other = columns({"a": {"mp4": b"two"}, "b": {"mp4": b"three"}})
    found = members(one, other, pair(one.keys, other.keys))
    assert found.by == "size" and [change.changed.all() for change in found.series] == [["b"]]


VALUES = st.lists(st.one_of(st.none(), st.floats(-1, 1, width=32), st.just(float("inf"))), max_size=12)


@given(VALUES, VALUES)
def test_scores_are_counted_on_both_sides(first, second):
    def table(values):
        keys = [str(number) for number in range(len(values))]
        return Columns(pa.table({"key": pa.array(keys, pa.string()), "score_a": pa.array(values, pa.float32())}), "key")

    one, other = table(first), table(second)
    pairing = pair(one.keys, other.keys)
    [found] = scores(one, other, pairing, [*indexed(one), *indexed(other)])
    known = [[value for value in values if value is not None] for values in (first, second)]
    assert (found.before.samples, found.after.samples) == (len(known[0]), len(known[1]))
    assert found.changed.all() == [str(n) for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b]
    if not known[0] or not known[1]:
        assert found.apart is None
        return
    below = [[sum(v <= at for v in one) / len(one) for at in known[0] + known[1]] for one in known]
    assert abs(found.apart - max(abs(a - b) for a, b in zip(*below, strict=True))) < 1e-6
    for side, values in enumerate(known):
        inside = sum(counts[side] for counts in found.histogram.counts)
        assert inside == sum(value != float("inf") for value in values)


def test_a_score_of_one_side_alone_is_said_to_be_so():
    one = Columns(pa.table({"key": ["a"], "score_a": [0.5], "seconds": [2.0]}), "key")
    other = Columns(pa.table({"key": ["a"], "score_b": [True], "seconds": [2.0]}), "key")
    found = scores(one, other, pair(one.keys, other.keys), [*indexed(one), *indexed(other)])
    told = {score.name: (score.before is None, score.after is None, score.some) for score in found}
    assert told == {"a": (False, True, True), "b": (True, False, True), "seconds": (False, False, False)}
