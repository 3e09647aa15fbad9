from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.harvest.candidate import safe_id
from vidal.harvest.config import UploaderConfig
from vidal.harvest.screening.deny import DenyList, names_uploader, uploader_name
from vidal.harvest.uploaders import Uploaders
from vidal.text.words import fold

VIDEO = "dQw4w9WgXcQ"
UUID = "9c9de5e8-0a1e-484a-b099-e80766180a6d"
CLIP = {
    "id": safe_id("youtube", VIDEO),
    "source": "youtube",
    "url": f"https://www.youtube.com/shorts/{VIDEO}",
    "uploader": "Some One",
    "uploader_id": "UCabc_-123",
}
FEDERATED = {
    "id": safe_id("tube", UUID),
    "source": "tube",
    "url": f"https://origin.example/videos/watch/{UUID}",
    "uploader": "Demo Person",
    "uploader_id": "https://origin.example/accounts/demo",
}
SOUND = {
    "id": safe_id("freesound", "415180"),
    "source": "freesound",
    "url": "https://cdn.freesound.org/previews/415/415180_828493-hq.ogg",
    "uploader": "recordist",
    "uploader_id": "recordist",
}
OTHER = {
    "id": safe_id("youtube", "xxxxxxxxxxx"),
    "source": "youtube",
    "url": "https://www.youtube.com/watch?v=xxxxxxxxxxx",
    "uploader": "Somebody Else",
    "uploader_id": "UCother",
}
NAMING = [
    (CLIP, "uploader:Some One"),
    (CLIP, "uploader: some  one "),
    (CLIP, "uploader:SOME ONE"),
    (CLIP, "uploader:UCabc_-123"),
    (CLIP, "https://www.youtube.com/channel/UCabc_-123/videos"),
    (CLIP, "uploader:https://www.youtube.com/channel/UCabc_-123"),
    ({**CLIP, "uploader_id": "@SomeOne"}, "@someone"),
    ({**CLIP, "uploader_id": "@SomeOne"}, "uploader:someone"),
    ({**CLIP, "uploader_id": "someone"}, "https://youtube.com/@SomeOne"),
    (FEDERATED, "uploader:Demo Person"),
    (FEDERATED, "uploader:https://origin.example/accounts/demo/"),
    (FEDERATED, "http://www.origin.example/accounts/demo"),
    (SOUND, "uploader:Recordist"),
]


@pytest.mark.parametrize(
    ("candidate", "entry"),
    [
        (CLIP, CLIP["id"]),
        (CLIP, VIDEO),
        (CLIP, f" {VIDEO} "),
        (CLIP, f"https://youtu.be/{VIDEO}?si=x"),
        (CLIP, f"youtube.com/watch?v={VIDEO}"),
        ({**CLIP, "id": "list_1", "source": "list"}, f"https://m.youtube.com/watch?v={VIDEO}"),
        (FEDERATED, UUID),
        (FEDERATED, f"https://another.example/w/{UUID}"),
        (SOUND, "415180"),
        (SOUND, "https://freesound.org/people/recordist/sounds/415180/"),
        ({"id": safe_id("files", "a/b c.mp4"), "source": "files", "url": "a/b c.mp4"}, "a/b c.mp4"),
        *NAMING,
    ],
)
def test_an_entry_denies_what_it_names_and_nothing_else(candidate, entry):
    denied = DenyList(["nothing", entry, ""])
    assert denied.denies(candidate)
    assert not denied.denies(OTHER) and not denied.denies({})
    assert not DenyList([]).denies(candidate)


@pytest.mark.parametrize(
    "entry", ["", "  ", "uploader:", "uploader: ", "@", "/", "youtube", "Some One", "https://", "a/b"]
)
def test_what_names_nothing_denies_nothing(entry):
    for candidate in (
        CLIP,
        FEDERATED,
        SOUND,
        OTHER,
        {},
        {"id": None, "url": None, "uploader": "", "uploader_id": None},
    ):
        assert not DenyList([entry]).denies(candidate)


@pytest.mark.parametrize(("candidate", "entry"), NAMING)
@pytest.mark.parametrize("column", ["uploader", "uploader_id"])
def test_uploaders_are_denied_by_their_hashes_too(candidate, entry, column, monkeypatch):
    monkeypatch.setenv("VIDAL_UPLOADER_KEY", "a secret")
    policy = Uploaders(UploaderConfig(keep="hashes"))
    alone = {**candidate, ("uploader_id" if column == "uploader" else "uploader"): None}
    plain, hashed = DenyList([entry]), DenyList([entry], policy.stored)
    stored = policy.kept(alone)
    assert stored[column] and stored[column] != alone[column]
    assert hashed.denies(stored) == hashed.denies(alone) == plain.denies(alone)
    assert not plain.denies(stored) and not hashed.denies(policy.kept(OTHER))
    assert DenyList([f"uploader:{stored[column]}"], policy.stored).denies(stored)


@given(st.text(min_size=1).filter(lambda name: not set("/@") & set(fold(name))))
def test_an_uploader_has_one_spelling(name):
    once = uploader_name(name)
    assert uploader_name(f"\t{once} ") == once == uploader_name(f" @{name.strip()}")


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("AC/DC", "ac/dc"),
        (" @SomeOne ", "someone"),
        ("ＳｏｍｅＯｎｅ", "someone"),
        ("https://www.youtube.com/@SomeOne/about", "someone"),
        ("https://Origin.example/accounts/Demo/", "origin.example/accounts/demo"),
        ("origin.example/accounts/demo", "origin.example/accounts/demo"),
        ("https://", "https://"),
    ],
)
def test_spellings_of_uploaders(name, spelled):
    assert uploader_name(name) == spelled


@pytest.mark.parametrize(
    ("entry", "so"),
    [
        ("uploader:a", True),
        ("@a", True),
        ("https://www.youtube.com/@a", True),
        ("https://www.youtube.com/shorts/abc", False),
        ("https://origin.example/accounts/demo", False),
        (VIDEO, False),
    ],
)
def test_entries_that_name_uploaders_alone(entry, so):
    assert names_uploader(entry) is so
