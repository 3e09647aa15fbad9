from __future__ import annotations

import uuid
from collections import Counter

import pytest

from vidal.demo.language import caption, title, words
from vidal.demo.peertube import matches
from vidal.demo.trouble import HOSTILE, KEPT, MEDIA, SCREEN, VERDICTS, catalogue


@pytest.fixture(scope="module")
def whole():
    return catalogue(0)


def test_the_catalogue_is_a_function_of_its_seed(whole):
    assert whole == catalogue(0)
    assert not {e.id for e in whole if e.kind == "video"} & {e.id for e in catalogue(1) if e.kind == "video"}


def test_totals(whole):
    counts = Counter((entry.kind, entry.expected.status) for entry in whole)
    assert counts["video", "kept"] == 47 and counts["audio", "kept"] == 8
    assert sum(entry.kind == "video" for entry in whole) == 67
    assert {entry.codec for entry in whole} == {"h264", "vp9", "opus"}


def test_good_sets_the_number_of_plain_clips():
    for good in (2, 10):
        plain = [e for e in catalogue(0, good) if e.kind == "video" and e.trouble is None]
        assert len(plain) == good and all(e.expected == KEPT for e in plain)


def test_every_trouble_has_its_verdict(whole):
    verdicts = {(e.kind, e.trouble): (e.expected.status, e.expected.step, e.expected.reason) for e in whole}
    kept = ("kept", None, None)
    assert verdicts == {
        ("video", None): kept,
        ("audio", None): kept,
        **{("video", trouble): kept for trouble in HOSTILE},
        ("video", "rate_limited"): kept,
        ("video", "rate_limited_page"): kept,
        ("video", "slow"): kept,
        ("video", "header_3h_mp4"): kept,
        ("video", "duplicate"): ("dropped", VERDICTS, "duplicate"),
        ("video", "mismatched"): ("dropped", VERDICTS, "clip_title"),
        ("video", "still"): ("dropped", VERDICTS, "still"),
        ("video", "silent"): ("dropped", VERDICTS, "silence"),
        ("audio", "silent"): ("dropped", VERDICTS, "silence"),
        ("audio", "mismatched"): ("dropped", VERDICTS, "clap_text"),
        ("video", "long_said"): ("rejected", SCREEN, "duration"),
        ("video", "short_title"): ("rejected", SCREEN, "title_words"),
        ("video", "boilerplate"): ("rejected", SCREEN, "boilerplate"),
        ("video", "long_unsaid"): ("failed", MEDIA, "TooLong"),
        ("video", "not_found"): ("failed", MEDIA, "NotFound"),
        ("video", "unavailable"): ("failed", MEDIA, "Unavailable"),
        ("video", "stalled"): ("failed", MEDIA, "Timeout"),
        ("video", "truncated"): ("failed", MEDIA, "Truncated"),
        ("video", "header_3h_webm"): ("failed", MEDIA, "Truncated"),
        ("video", "empty"): ("failed", MEDIA, "NotMedia"),
        ("video", "html"): ("failed", MEDIA, "NotMedia"),
        ("video", "playlist"): ("failed", MEDIA, "NotMedia"),
    }


def test_ids_are_unique_uuids_and_numbers(whole):
    assert len({entry.id for entry in whole}) == len(whole)
    for entry in whole:
        assert str(uuid.UUID(entry.id)) == entry.id if entry.kind == "video" else entry.id.isdigit()


def test_terms_find_their_entries(whole):
    for entry in whole:
        assert entry.terms and all(matches(entry, term) for term in entry.terms)


def test_duplicates_sort_after_their_originals(whole):
    for copy in (entry for entry in whole if entry.trouble == "duplicate"):
        (original,) = [e for e in whole if e.scene == copy.scene and e.id != copy.id]
        assert copy.id > original.id and copy.codec == original.codec and copy.title != original.title


def test_mismatched_clips_are_told_as_something_else_entirely(whole):
    for entry in (e for e in whole if e.trouble == "mismatched" and e.kind == "video"):
        said = set(words(entry.name))
        assert not {entry.scene.colour, entry.scene.shape, entry.scene.size, entry.scene.background} & said
        assert entry.scene.sound in said


def test_mismatched_sounds_are_told_as_another_sound(whole):
    (liar,) = [e for e in whole if e.trouble == "mismatched" and e.kind == "audio"]
    assert liar.scene.sound not in words(liar.title) + list(liar.hashtags)


def test_good_clips_have_distinct_captions_and_true_titles(whole):
    good = [e for e in whole if e.kind == "video" and e.expected == KEPT]
    assert len({caption(e.scene) for e in good}) == len(good)
    assert all(e.title.startswith(title(e.scene)) for e in good)


def test_hostile_titles_are_hostile(whole):
    titles = {e.trouble: e.title for e in whole}
    assert "$(" in titles["hostile_shell"] and "../" in titles["hostile_path"] and "\x00" in titles["hostile_control"]
    assert len(titles["hostile_long"]) > 3000 and "\u202e" in titles["hostile_bidi"]
    assert "</script>" in titles["hostile_markup"]
    assert all(e.filename == f"{e.id}.mp4" or e.filename == f"{e.id}.webm" for e in whole if e.trouble in HOSTILE)


def test_only_lies_about_length_differ_from_the_scene(whole):
    lies = {e.trouble: (e.duration, e.scene.seconds) for e in whole if e.duration != e.scene.seconds}
    assert lies == {"long_said": (95.0, 2.5), "long_unsaid": (6.0, 24.0)}
