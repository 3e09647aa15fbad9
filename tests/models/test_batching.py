"""Batches of a fixed shape."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vidal.models.batching import in_batches, rows

items = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99)), max_size=30)


@given(items, st.integers(1, 8))
def test_every_item_gets_its_own_result_in_a_batch_of_the_fixed_size(drawn, size):
    batches = []

    def forward(batch: np.ndarray) -> list[int]:
        batches.append(batch.shape)
        return [int(row[0]) * 2 for row in batch]

    results = in_batches([np.full(width + 1, value) for width, value in drawn], size, forward)
    assert results == [value * 2 for _, value in drawn]
    assert {shape[0] for shape in batches} <= {size}
    widths = [width for width, _ in drawn]
    assert len(batches) == sum(-(-widths.count(width) // size) for width in set(widths))


def test_no_vectors_still_have_a_width():
    assert rows([], 5).shape == (0, 5)
    assert rows([np.ones(5, np.float32)], 5).dtype == np.float32
