from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError
from vidal.engine.forgotten import Forgotten
from vidal.harvest import names
from vidal.harvest.candidate import safe_id
from vidal.harvest.screening.deny import DenyList, names_uploader

VIDEO = ("youtube", "dQw4w9WgXcQ", "https://www.youtube.com/shorts/dQw4w9WgXcQ")
SOUND = ("freesound", "1234", "https://cdn.freesound.org/previews/1/1234_55-hq.ogg")
FILE = ("clips", "sub/A clip.mp4", "sub/A clip.mp4")
SAMPLES = (VIDEO, SOUND, FILE, ("clips", "plain.mp4", "plain.mp4"), ("peer", "a-b_c", "https://tube.example/w/x?y=1"))
NEAR = st.sampled_from(
    [
        text
        for source, site_id, url in SAMPLES
        for text in (safe_id(source, site_id), site_id, url, f"{source}_{site_id}")
    ]
) | st.sampled_from(["https://youtu.be/dQw4w9WgXcQ", "http://tube.example/w/x?y=1#t", "https://freesound.org/s/1234/"])


def meant(entry: str) -> set[str]:
    """The samples an entry means."""
    gone = Forgotten().adding(names.of_entry(entry))
    rows = [{"id": safe_id(source, site_id), "url": url} for source, site_id, url in SAMPLES]
    return {row["id"] for row in rows} - {row["id"] for row in names.without(rows, gone)}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample[0])
def test_a_sample_is_meant_by_its_id_its_sites_own_id_and_its_address(sample: tuple[str, str, str]) -> None:
    source, site_id, url = sample
    assert meant(safe_id(source, site_id)) == meant(site_id) == meant(url) == {safe_id(source, site_id)}


@given(NEAR | st.text(max_size=6))
def test_an_entry_means_what_the_deny_list_denies_by_it(entry: str) -> None:
    if names_uploader(entry) or not entry.strip():
        return
    denied = DenyList([entry])
    rows = [{"id": safe_id(source, site_id), "source": source, "url": url} for source, site_id, url in SAMPLES]
    assert meant(entry.strip()) == {row["id"] for row in rows if denied.denies(row)}


def test_a_sample_stays_out_under_another_id_at_its_address_but_not_by_the_name_of_a_file() -> None:
    id_, url = safe_id(*VIDEO[:2]), VIDEO[2]
    gone = Forgotten().adding(names.lasting(id_, url))
    renamed = {"id": "shorts_x", "url": "https://youtu.be/dQw4w9WgXcQ"}
    assert names.without([renamed, {"id": id_, "url": None}], gone) == []
    gone = Forgotten().adding(names.lasting("clips_plain", "plain.mp4"))
    assert names.without([{"id": "others_plain", "url": "plain.mp4"}], gone) != []


@pytest.mark.parametrize("entry", ["uploader:somebody", "@somebody", "https://www.youtube.com/@somebody"])
def test_an_uploader_is_no_sample(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"names an uploader.*harvest\.screen\.deny"):
        names.of_entry(entry)


def test_what_is_no_text_is_no_name() -> None:
    with pytest.raises(ConfigError, match="no Unicode text"):
        names.of_entry("clip\udcff")


def test_an_empty_list_leaves_all() -> None:
    rows = [{"id": "a_b", "url": None}]
    assert names.without(rows, Forgotten()) == rows
