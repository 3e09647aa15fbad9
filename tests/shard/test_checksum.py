from __future__ import annotations

import hashlib
import io

from hypothesis import given
from hypothesis import strategies as st

from vidal.shard.checksum import HashingReader


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 320), st.integers(-1, 100)), max_size=8))
def test_a_stream_read_in_any_order_is_hashed_in_its_own(content, steps):
    found, plain = HashingReader(io.BytesIO(content)), io.BytesIO(content)
    for position, size in steps:
        found.seek(position)
        plain.seek(position)
        assert found.read(size) == plain.read(size)
    assert found.sha256() == hashlib.sha256(content).hexdigest()
