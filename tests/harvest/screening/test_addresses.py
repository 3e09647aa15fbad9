from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.demo.peertube import short_uuid
from vidal.harvest.screening.addresses import address, youtube_channel

VIDEO = "dQw4w9WgXcQ"
SPELLINGS = (
    f"https://www.youtube.com/watch?v={VIDEO}",
    f"http://youtube.com/watch?v={VIDEO}&t=42s",
    f"youtube.com/watch?app=desktop&v={VIDEO}#here",
    f"https://m.youtube.com/watch?v={VIDEO}&list=PL0",
    f"https://music.youtube.com/watch?v={VIDEO}",
    f"https://youtu.be/{VIDEO}",
    f"https://youtu.be/{VIDEO}?si=abc",
    f"youtu.be/{VIDEO}/",
    f"https://www.youtube.com/shorts/{VIDEO}",
    f"https://www.youtube.com/shorts/{VIDEO}?feature=share",
    f"https://www.youtube.com/embed/{VIDEO}",
    f"https://www.youtube-nocookie.com/embed/{VIDEO}?rel=0",
    f"https://www.youtube.com/live/{VIDEO}",
    f"https://www.youtube.com/v/{VIDEO}",
    f"https://www.youtube.com/e/{VIDEO}",
    f"https://www.youtube.com:443/watch/{VIDEO}",
    f"HTTPS://WWW.YOUTUBE.COM/watch?v={VIDEO}",
)


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_video_of_youtube_has_one_spelling(url):
    assert address(url) == f"youtube:{VIDEO}"


@pytest.mark.parametrize(
    "url",
    [
        "https://freesound.org/people/someone/sounds/415180/",
        "http://www.freesound.org/people/some%20one/sounds/415180",
        "https://freesound.org/s/415180/",
        "https://freesound.org/apiv2/sounds/415180/download/",
        "https://freesound.org/apiv2/sounds/415180/",
        "https://cdn.freesound.org/previews/415/415180_828493-hq.ogg",
        "https://freesound.org/data/previews/415/415180_828493-lq.mp3",
    ],
)
def test_a_sound_of_freesound_has_one_spelling(url):
    assert address(url) == "freesound:415180"


@given(st.uuids(version=4))
def test_a_video_of_peertube_has_one_spelling_at_all_sites(uuid):
    short = short_uuid(str(uuid))
    urls = (
        f"https://peertube.example/w/{short}",
        f"https://peertube.example/w/{short}/?start=3s",
        f"https://other.example/w/{uuid}",
        f"peertube.example/videos/watch/{str(uuid).upper()}",
        f"https://peertube.example/videos/embed/{uuid}?autoplay=1",
    )
    assert {address(url) for url in urls} == {f"peertube:{UUID(str(uuid))}"}


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://www.example.org/a/b/?x=1#top", "example.org/a/b?x=1"),
        ("http://m.example.org", "example.org"),
        ("https://user:secret@example.org:8080/a", "example.org:8080/a"),
        ("https://example.org/caf%C3%A9", "example.org/café"),
        ("https://www.youtube.com/playlist?list=PL0", "youtube.com/playlist?list=PL0"),
        ("https://youtube.com.example/watch?v=abc", "youtube.com.example/watch?v=abc"),
        ("https://example.org/previews/415/415180_828493-hq.ogg", "example.org/previews/415/415180_828493-hq.ogg"),
        ("https://example.org/w/zzzzzzzzzzzzzzzzzzzzzz", "example.org/w/zzzzzzzzzzzzzzzzzzzzzz"),
        ("https://example.org/w/zZZZZZZZZZZZZZZZZZZZZZ", "example.org/w/zZZZZZZZZZZZZZZZZZZZZZ"),
        ("clips/a.mp4", "clips/a.mp4"),
        ("http://[broken", "http://[broken"),
        ("", ""),
    ],
)
def test_other_addresses_keep_what_tells_them_apart(url, plain):
    assert address(url) == plain


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.youtube.com/channel/UCabc_-123", "UCabc_-123"),
        ("https://www.youtube.com/@SomeOne", "@SomeOne"),
        ("youtube.com/@SomeOne/shorts", "@SomeOne"),
        ("https://m.youtube.com/%40SomeOne", "@SomeOne"),
        ("https://www.youtube.com/c/SomeOne/videos", "SomeOne"),
        ("https://www.youtube.com/user/SomeOne", "SomeOne"),
        ("https://music.youtube.com/channel/UCabc", "UCabc"),
        ("https://www.youtube.com/channel", None),
        ("https://www.youtube.com/shorts/abc", None),
        ("https://example.org/@SomeOne", None),
        ("@SomeOne", None),
        ("", None),
    ],
)
def test_channels_of_youtube(url, name):
    assert youtube_channel(url) == name


@given(st.text() | st.text("htps:/w.youtbe@%[]?#v=ab1", max_size=40))
def test_any_text_has_an_address(text):
    assert isinstance(address(text), str)
    assert youtube_channel(text) is None or youtube_channel(text) in text or "%" in text
