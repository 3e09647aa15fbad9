from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vidal.engine.schemas import CANDIDATE
from vidal.engine.tar import pack
from vidal.harvest.candidate import Candidate, safe_id

SOURCES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}", fullmatch=True)
SITE_IDS = st.text() | st.from_regex(r"[A-Za-z0-9_-]{1,50}", fullmatch=True)


@given(SOURCES, SITE_IDS)
@example("a" * 31, "../../etc/passwd" * 9)
def test_an_id_is_safe_in_shards_and_files(source, site_id):
    id_ = safe_id(source, site_id)
    assert re.fullmatch(r"[a-z0-9_-]+", id_) and id_.startswith(source)
    pack([(f"{id_}.polish_mplug.txt", b"")])


@given(SOURCES, SITE_IDS, SOURCES, SITE_IDS)
@example("a", "b-c", "a-b", "c")
@example("a", "AB", "a", "ab")
@example("a", "x.y", "a", "x-y")
@example("a", "x" * 50 + "1", "a", "x" * 50 + "2")
@example("a", "", "a", "x")
def test_different_things_have_different_ids(source, site_id, other, other_id):
    same = (source, site_id) == (other, other_id)
    assert (safe_id(source, site_id) == safe_id(other, other_id)) == same


def test_a_readable_id_stays_readable():
    assert safe_id("site", "9c9de5e8-0a1e").endswith("9c9de5e8-0a1e")


@pytest.mark.parametrize("hostile", ["\ud800", "a\udcffb", "\x00", "\U0010ffff", "\u202e"])
def test_any_text_a_site_sends_can_be_stored(hostile):
    candidate = Candidate(
        safe_id("s", hostile), "video", "s", f"http://x/{hostile}", hostile, (hostile,), hostile, captions=(hostile,)
    )
    stored = pa.array([candidate.to_row()], CANDIDATE).to_pylist()[0]
    assert stored["id"] == candidate.id and stored["kind"] == "video"
