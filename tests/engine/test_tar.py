from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.tar import TarWriter, pack

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.é", min_size=1, max_size=40)
MEMBERS = st.lists(st.tuples(NAMES, st.binary(max_size=2000)), max_size=8, unique_by=lambda member: member[0])


@given(MEMBERS)
def test_tars_are_equal_for_equal_members_and_read_by_tarfile(members):
    packed, places = pack(members)
    assert pack(members)[0] == packed
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        found = [(info, tar.extractfile(info).read()) for info in tar]
    assert [(info.name, content) for info, content in found] == members
    assert {(i.mtime, i.mode, i.uid, i.gid, i.uname, i.gname) for i, _ in found} <= {(0, 0o644, 0, 0, "", "")}
    for place, (name, content), (info, _) in zip(places, members, found, strict=True):
        assert packed[place.offset : place.offset + place.size] == content
        assert (place.offset, place.header) == (info.offset_data, info.offset), name


@given(MEMBERS)
def test_a_closed_tar_ends_on_a_whole_record(members):
    stream = io.BytesIO()
    writer = TarWriter(stream)
    for name, content in members:
        writer.add(name, content)
    size = writer.close()
    assert size == len(stream.getvalue()) and size % tarfile.RECORDSIZE == 0
    assert stream.getvalue().endswith(b"\0" * 2 * tarfile.BLOCKSIZE)


def test_a_name_that_ustar_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="too long"):
        TarWriter(io.BytesIO()).add("x" * 101, b"")
