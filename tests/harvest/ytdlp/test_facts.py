from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.schemas import PAGE
from vidal.harvest.candidate import storable
from vidal.harvest.ytdlp.facts import facts_of


def test_what_a_page_tells():
    told = facts_of(
        {
            "title": "A cat jumps #cat #shorts",
            "tags": ["cat", "jump"],
            "description": "of a cat",
            "duration": 12,
            "license": "Creative Commons Attribution license (reuse allowed)",
            "channel": "Cats",
            "uploader": "not this",
            "channel_id": "UC1",
            "uploader_id": "@cats",
            "language": "en",
            "timestamp": 1_700_000_000,
            "live_status": "not_live",
            "age_limit": 18,
            "comment_count": 3,
            "view_count": 15_000_000_000,
        }
    )
    assert told == {
        "title": "A cat jumps",
        "hashtags": ["cat", "shorts", "jump"],
        "description": "of a cat",
        "seconds": 12.0,
        "licence": "Creative Commons Attribution license (reuse allowed)",
        "uploader": "Cats",
        "uploader_id": "UC1",
        "language": "en",
        "published": "2023-11-14T22:13:20+00:00",
        "live": False,
        "age_limit": 18,
        "comments": 3,
        "watched": 15_000_000_000,
    }


def test_what_is_not_told_is_unknown():
    assert set(map(str, facts_of({}).values())) == {"None", "[]"}


@pytest.mark.parametrize(
    ("info", "live"),
    [
        ({"live_status": "is_live"}, True),
        ({"live_status": "is_upcoming"}, True),
        ({"live_status": "post_live"}, True),
        ({"live_status": "was_live"}, False),
        ({"live_status": None}, None),
        ({"is_live": True}, True),
        ({"is_live": False}, False),
    ],
)
def test_what_is_live(info, live):
    assert facts_of(info)["live"] is live


@pytest.mark.parametrize(
    ("info", "published"),
    [
        ({"upload_date": "20260131"}, "2026-01-31"),
        ({"upload_date": "2026"}, None),
        ({"timestamp": 1e300, "upload_date": "20260131"}, "2026-01-31"),
        ({"timestamp": float("nan")}, None),
        ({"timestamp": "soon"}, None),
    ],
)
def test_when_it_was_published(info, published):
    assert facts_of(info)["published"] == published


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.text(st.characters(categories=["Cs"]))
)
NAMES = (
    "title", "description", "duration", "license", "channel", "uploader", "channel_id", "uploader_id", "language",
    "timestamp", "upload_date", "live_status", "is_live", "age_limit", "comment_count", "view_count",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING), st.lists(ANYTHING, max_size=3))
def test_whatever_a_page_tells_can_be_stored(info, tags):
    told = storable(facts_of({**info, "tags": tags}))
    assert pa.array([told], PAGE).to_pylist()[0].keys() == {field.name for field in PAGE}
