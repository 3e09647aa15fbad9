"""What a dataset amounts to does not depend on how its rows are divided into tables."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.schemas import INDEX
from vidal.shard.statistics import statistics

SHARDS = {"vidal-000000": {"samples": "2", "bytes": "30", "sha256": "0" * 64}}
MEMBERS = st.lists(st.tuples(st.sampled_from(["mp4", "txt", "frm0.jpg"]), st.integers(0, 9)), max_size=3)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.text(max_size=3),
            "kind": st.sampled_from(["video", "audio"]),
            "split": st.none() | st.sampled_from(["train", "validation"]),
            "seconds": st.none() | st.integers(0, 99).map(float),
            "licence": st.none() | st.sampled_from(["", "CC0-1.0", "CC-BY-4.0"]),
            "members": MEMBERS.map(lambda told: [{"name": name, "offset": 0, "size": size} for name, size in told]),
        }
    ),
    max_size=12,
)


@given(ROWS, st.lists(st.integers(0, 12), max_size=4))
def test_rows_are_counted_however_they_are_divided(rows, cuts):
    whole = pa.Table.from_pylist(rows, INDEX)
    ends = sorted({0, *cuts, len(rows)})
    parts = [whole.slice(first, last - first) for first, last in pairwise(ends)]
    found = statistics(parts)
    told = found.told(SHARDS, whole.column_names)
    assert told == statistics([whole]).told(SHARDS, whole.column_names)
    assert told["samples"] == Counter(row["kind"] for row in rows) and found.samples == len(rows)
    assert told["licences"] == Counter(row["licence"] or "unknown" for row in rows)
    assert told["splits"] == Counter(row["split"] or "train" for row in rows)
    members = [member for row in rows for member in row["members"]]
    counts = Counter(member["name"] for member in members)
    sizes = {name: sum(m["size"] for m in members if m["name"] == name) for name in counts}
    assert told["members"] == {name: {"count": counts[name], "bytes": sizes[name]} for name in counts}
    for kind, names in found.names().items():
        assert names == sorted({m["name"] for row in rows if row["kind"] == kind for m in row["members"]})
    assert list(told["licences"].values()) == sorted(told["licences"].values(), reverse=True)
    assert told["shards"] == {"vidal-000000.tar": {"samples": 2, "bytes": 30, "sha256": "0" * 64}}
