from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.harvest.ytdlp.formats import PROTOCOLS, chosen, none_chosen

LIMIT = 200_000_000


def picture(id_, width, height, vcodec, acodec="none", **more):
    coded = {"vcodec": vcodec, "acodec": acodec, "protocol": "https"}
    return {"format_id": id_, "width": width, "height": height, **coded, **more}


def sound(id_, acodec, abr, **more):
    return {"format_id": id_, "vcodec": "none", "acodec": acodec, "abr": abr, "protocol": "https", **more}


STORYBOARD = {"format_id": "sb0", "protocol": "mhtml", "vcodec": "none", "acodec": "none", "width": 160, "height": 90}
SOUNDS = [
    sound("139", "mp4a.40.5", 48.8, filesize=98_000),
    sound("249", "opus", 51.2, filesize=105_000),
    sound("250", "opus", 66.9, filesize=134_000),
    sound("140", "mp4a.40.2", 129.5, filesize=260_000),
    sound("251", "opus", 130.1, filesize=262_000),
]
SHORT = [
    (144, 256, "160", "278", "394"), (240, 426, "133", "242", "395"), (360, 640, "134", "243", "396"),
    (480, 854, "135", "244", "397"), (720, 1280, "136", "247", "398"), (1080, 1920, "137", "248", "399"),
]  # fmt: skip
ADAPTIVE = [
    picture(id_, width, height, vcodec, filesize=width * height)
    for width, height, *ids in SHORT
    for id_, vcodec in zip(ids, ("avc1.4d401e", "vp09.00.21.08", "av01.0.01M.08"), strict=True)
]
MUXED = picture("18", 360, 640, "avc1.42001E", "mp4a.40.2", filesize_approx=900_000)
HLS = [
    picture(id_, width, height, "avc1.4D401E", "mp4a.40.2", protocol="m3u8_native")
    for id_, width, height in (("91", 144, 256), ("92", 240, 426), ("93", 360, 640), ("95", 720, 1280))
]


def ids(formats, kind="video", short_side=256, max_bytes=LIMIT):
    return [format_["format_id"] for format_ in chosen(formats, kind, short_side, max_bytes)]


@pytest.mark.parametrize(
    ("formats", "taken"),
    [
        ([STORYBOARD, *SOUNDS, *ADAPTIVE, MUXED], ["18"]),
        ([MUXED, *ADAPTIVE, *SOUNDS], ["18"]),
        ([STORYBOARD, *SOUNDS, *ADAPTIVE], ["396", "250"]),
        ([STORYBOARD, *SOUNDS, *ADAPTIVE, *HLS], ["396", "250"]),
        ([STORYBOARD, *HLS, MUXED], ["18"]),
        ([STORYBOARD, *HLS], ["93"]),
        ([STORYBOARD, *ADAPTIVE], ["396"]),
        ([STORYBOARD, *SOUNDS], []),
        ([STORYBOARD], []),
        ([], []),
    ],
)
def test_lists_as_youtube_gives_them(formats, taken):
    assert ids(formats) == taken


@pytest.mark.parametrize(
    ("short_side", "taken"), [(144, "394"), (145, "395"), (360, "396"), (361, "397"), (1080, "399"), (2160, "399")]
)
def test_no_more_pixels_than_are_needed_else_as_many_as_there_are(short_side, taken):
    assert ids([*SOUNDS, *ADAPTIVE], short_side=short_side) == [taken, "250"]


def test_a_lying_clip_is_measured_by_its_short_side():
    lying = [picture("a", 256, 144, "avc1"), picture("b", 426, 240, "avc1"), picture("c", 640, 360, "avc1")]
    assert ids([*SOUNDS, *lying]) == ["c", "250"]


def test_sound_comes_before_pixels():
    assert ids([*HLS[:1], *ADAPTIVE]) == ["91"]


@pytest.mark.parametrize("codec", [None, "unknown", "apch", "mp4a.zz"])
def test_codecs_of_unknown_name_are_not_lost(codec):
    assert ids([picture("x", 360, 640, codec, codec)]) == ["x"]
    assert ids([picture("x", 360, 640, codec), sound("y", codec, None)]) == ["x", "y"]
    assert ids([{"format_id": "0", "protocol": "https", "vcodec": codec, "acodec": codec}]) == ["0"]
    assert ids([{"format_id": "0", "protocol": "https"}]) == ["0"]


def test_of_formats_without_a_size_the_best_is_taken_where_none_states_one():
    plain = [{"format_id": id_, "protocol": "https"} for id_ in "abc"]
    assert ids(plain) == ["c"]
    assert ids([*plain, MUXED]) == ["18"]
    assert ids([*plain, picture("small", 96, 144, "vp8", "vorbis")]) == ["small"]


def test_a_height_alone_is_a_size():
    formats = [{"format_id": str(h), "height": h, "protocol": "m3u8_native"} for h in (144, 240, 360, 720)]
    assert ids(formats) == ["360"]


def test_the_original_of_several_languages_is_taken():
    dubbed = [
        sound("251-0", "opus", 130, language_preference=-1, language="de"),
        sound("140-1", "mp4a.40.2", 129, language_preference=10, language="en"),
        sound("249-2", "opus", 70, language_preference=-1, language="fr"),
    ]
    assert ids([*dubbed, *ADAPTIVE]) == ["396", "140-1"]
    assert ids(dubbed, kind="audio") == ["140-1"]
    whole = [{**MUXED, "format_id": id_, "language_preference": rank} for id_, rank in (("en", 10), ("de", -1))]
    assert ids(whole) == ["en"]


def test_of_equal_formats_the_last_is_taken():
    assert ids([{**MUXED, "format_id": id_} for id_ in "ab"]) == ["b"]
    assert ids([sound(id_, "opus", 70) for id_ in "ab"], kind="audio") == ["b"]


def test_formats_that_are_damaged_come_last():
    damaged = {**MUXED, "preference": -10}
    assert ids([damaged, *SOUNDS, *ADAPTIVE]) == ["396", "250"]
    assert ids([damaged]) == ["18"]


def test_what_is_protected_is_left():
    assert ids([{**MUXED, "has_drm": True}, *HLS]) == ["93"]
    assert ids([{**MUXED, "has_drm": "maybe"}]) == []


def test_what_is_too_large_is_left_pictures_and_sound_counted_together():
    assert ids([*SOUNDS, *ADAPTIVE], max_bytes=360 * 640 + 134_000) == ["396", "250"]
    assert ids([*SOUNDS, *ADAPTIVE], max_bytes=360 * 640 + 133_999) == ["395", "250"]
    assert ids([MUXED], max_bytes=899_999) == []


def test_for_a_sound_pictures_are_fetched_only_where_there_is_no_sound_alone():
    assert ids([*ADAPTIVE, MUXED, *SOUNDS], kind="audio") == ["250"]
    assert ids([*ADAPTIVE, MUXED, *HLS], kind="audio") == ["91"]
    assert ids([*ADAPTIVE], kind="audio") == ["394"]
    assert ids([*SOUNDS[:2], *ADAPTIVE], kind="audio") == ["249"]


@pytest.mark.parametrize(
    ("formats", "error_class"),
    [
        ([MUXED], "TooLarge"),
        ([{**MUXED, "has_drm": True}], "Protected"),
        ([STORYBOARD], "Unsupported"),
        ([{**MUXED, "protocol": "file"}], "BadAnswer"),
        ([], "Unsupported"),
    ],
)
def test_why_none_was_chosen(formats, error_class):
    assert none_chosen(formats) == error_class


SIZES = st.sampled_from([None, 144, 240, 256, 360, 480, 720, 1280])
FORMATS = st.lists(
    st.fixed_dictionaries(
        {
            "protocol": st.sampled_from([*sorted(PROTOCOLS), "mhtml", "rtmp", None]),
            "vcodec": st.sampled_from(["none", None, "avc1", "strange"]),
            "acodec": st.sampled_from(["none", None, "opus", "strange"]),
        },
        optional={
            "width": SIZES,
            "height": SIZES,
            "abr": st.one_of(st.none(), st.floats(0, 400)),
            "filesize": st.one_of(st.none(), st.integers(0, 1000)),
            "has_drm": st.sampled_from([None, False, True, "maybe"]),
            "language_preference": st.sampled_from([None, -1, 5, 10]),
            "preference": st.sampled_from([None, -10, -1]),
        },
    ),
    max_size=8,
)


def _side(format_):
    sizes = [format_[name] for name in ("width", "height") if format_.get(name)]
    return min(sizes, default=0)


@given(FORMATS, st.sampled_from(["video", "audio"]), st.sampled_from([144, 256, 360]), st.integers(0, 1500))
def test_what_is_chosen_can_be_read_and_is_no_more_than_asked_for(formats, kind, short_side, most):
    taken = chosen(formats, kind, short_side, most)
    assert len(taken) <= 2
    assert all(any(format_ is offered for offered in formats) for format_ in taken)
    assert all(format_["protocol"] in PROTOCOLS and not format_.get("has_drm") for format_ in taken)
    assert sum(format_.get("filesize") or 0 for format_ in taken) <= most
    if len(taken) == 2:
        pictures, sounds = taken
        assert pictures["acodec"] == "none" != pictures["vcodec"]
        assert sounds["vcodec"] == "none" != sounds["acodec"]


@given(FORMATS, st.sampled_from([144, 256, 360]))
def test_sound_is_had_where_it_can_be_and_nothing_smaller_was_enough(formats, short_side):
    """Among formats of one language, none of them damaged, without limit."""
    formats = [{**format_, "language_preference": None, "preference": None} for format_ in formats]
    usable = [f for f in formats if f["protocol"] in PROTOCOLS and not f.get("has_drm")]
    alone = any(f["vcodec"] == "none" != f["acodec"] for f in usable)
    pictures = [f for f in usable if f["vcodec"] != "none"]
    sounding = [f for f in pictures if alone or f["acodec"] != "none"]
    taken = chosen(formats, "video", short_side, LIMIT)
    assert bool(taken) == bool(pictures)
    if not taken:
        return
    assert (taken[-1]["acodec"] != "none") == bool(sounding)
    among = [_side(f) for f in sounding or pictures]
    enough = [side for side in among if side >= short_side]
    if enough:
        assert _side(taken[0]) >= short_side
        assert not any(
            f.get("width") and f.get("height") and taken[0].get("width") and taken[0].get("height")
            and _side(f) >= short_side and f["width"] * f["height"] < taken[0]["width"] * taken[0]["height"]
            for f in sounding or pictures
        )  # fmt: skip
