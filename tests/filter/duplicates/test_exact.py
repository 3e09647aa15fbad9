"""Equal bytes, against counting by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.filter.duplicates.conftest import population
from vidal.filter.duplicates.exact import exact

SAMPLES = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text("abc", min_size=1, max_size=4),
            "part": st.integers(0, 3),
            "kind": st.sampled_from(["video", "audio"]),
            "source_sha256": st.sampled_from(["x", "y", "z", None]),
        }
    ),
    max_size=20,
    unique_by=lambda one: one["id"],
)


@given(SAMPLES)
def test_the_smallest_id_of_a_kind_is_kept(samples):
    people = population(*samples)
    ids = people.ids.to_pylist()
    found = {id_: ids[row] if row >= 0 else None for id_, row in zip(ids, exact(people).tolist(), strict=True)}
    for one in samples:
        equal = [o["id"] for o in samples if (o["kind"], o["source_sha256"]) == (one["kind"], one["source_sha256"])]
        first = min(equal) if one["source_sha256"] else one["id"]
        assert found[one["id"]] == (None if first == one["id"] else first)
