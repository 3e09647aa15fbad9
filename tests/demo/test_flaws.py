from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from vidal.demo.flaws import EMBEDDINGS, TITLES, flawed_world, write_flawed, write_test_set, write_world
from vidal.demo.planted import CLIPS, COPIES, HARMLESS, SOUNDS
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.filter.quality import scores
from vidal.filter.sound import clipped_share, silence_share
from vidal.media.probe import probe


def small(flaw, each=1):
    """The entries of one flaw, in small files."""
    found = [entry for entry in flawed_world(5, each, 1) if entry.flaw == flaw]
    return [replace(one, seen=replace(one.seen, width=96, height=64, seconds=0.5, fps=8)) for one in found]


def test_the_catalogue_has_every_flaw_as_often_as_asked_and_is_a_function_of_its_seed():
    entries = flawed_world(5, 3, 10)
    assert entries == flawed_world(5, 3, 10) != flawed_world(6, 3, 10)
    planted = [*HARMLESS, *CLIPS, *COPIES, *SOUNDS]
    assert Counter(one.flaw for one in entries) == {"good": 10 + 3 * len(COPIES), **dict.fromkeys(planted, 3)}
    assert {one.seen.seconds for one in entries if one.flaw == "short"} == {0.6}
    assert len({one.file for one in entries}) == len({one.name for one in entries}) == len(entries)
    shown = [(o.seen.shape, o.seen.colour, o.seen.size, o.seen.motion, o.seen.background) for o in entries]
    assert len(set(shown)) == len(entries) - 3 * len(COPIES), "only copies show the same"


def test_the_truth_of_every_entry_is_a_rule_or_to_be_kept():
    entries = flawed_world(5, 3, 10)
    for one in entries:
        assert (one.rule is None) == (one.flaw in {"good", "good_sound", *HARMLESS}), one.name
    groups = Counter(one.group for one in entries if one.group)
    alike = [name for name, copy in COPIES.items() if not copy.smaller]
    assert groups == {f"{name}-{number:03d}": 2 for name in alike for number in range(3)}
    for name in COPIES:
        copies = [one for one in entries if one.flaw == name]
        originals = [one for one in entries if one.name.startswith(f"{name}-original-")]
        assert [one.seen for one in copies] == [one.seen for one in originals]
        assert {one.rule for one in originals} == {None}


def test_titles_say_what_is_planted():
    worlds = [one for one in flawed_world(5, 12, 1) if one.kind == "video"]
    of = {flaw: [one for one in worlds if one.flaw == flaw] for flaw in [*HARMLESS, *CLIPS]}
    for one in of["wrong_title"]:
        assert not {one.seen.shape, one.seen.colour} & set(one.title.lower().split())
    for flaw in ("slow", "hostile_title", "mixed_title", "still", "leaked_title"):
        assert all(one.seen.colour in one.title.lower() and one.seen.shape in one.title.lower() for one in of[flaw])
    for flaw in ("spam", "emoji", "unsafe", "mixed_title", "hostile_title"):
        assert len({one.title for one in of[flaw]}) > 4
    assert not {one.title for one in of["leaked_title"]} & {one.title for one in worlds if one.flaw != "leaked_title"}


@pytest.mark.parametrize("flaw", ["good", "mute", "slides", "recoded", "marked", "overdriven_sound"])
def test_a_file_and_its_sidecar_are_written_the_same_every_time(tmp_path, flaw):
    one = small(flaw)[0]
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        write_flawed(tmp_path / folder, one)
    first, second = ((tmp_path / folder / one.file).read_bytes() for folder in ("first", "second"))
    assert first == second and len(first) > 500
    assert json.loads((tmp_path / "first" / f"{one.name}.json").read_text())["title"] == one.title


def test_copies_are_what_they_say(tmp_path):
    wide = {}
    for name, copy in COPIES.items():
        for one in flawed_world(5, 1, 0):
            if one.name in (f"{name}-original-000", f"{name}-000"):
                one = replace(one, seen=replace(one.seen, width=320, height=240, seconds=0.5, fps=8))
                write_flawed(tmp_path, one)
                wide[one.name] = tmp_path / one.file
        original, made = wide[f"{name}-original-000"], wide[f"{name}-000"]
        assert (original.read_bytes() == made.read_bytes()) == (name == "copied")
        pixels = [clip.width * clip.height for clip in (probe(original), probe(made))]
        assert (pixels[1] < pixels[0]) == copy.smaller and (pixels[1] <= pixels[0])
    sizes = [wide[name].stat().st_size for name in ("recoded-original-000", "recoded-000")]
    assert sizes[1] < sizes[0]


def test_the_world_is_a_file_and_a_sidecar_of_each(tmp_path):
    entries = [*small("one_frame"), *small("good_sound"), *small("hostile_title")]
    write_world(tmp_path / "clips", entries, workers=1)
    names = {name for one in entries for name in (one.file, f"{one.name}.json")}
    assert {path.name for path in (tmp_path / "clips").iterdir()} == names
    assert probe(tmp_path / "clips" / entries[0].file).frames == 1


def test_the_pictures_are_what_they_say():
    seen = replace(scene(5, 1), width=160, height=120, fps=8, seconds=2.0)
    assert seen.index % 2, "its still is the one with noise"
    frames = [render(seen, number / 8).rgb for number in range(16)]
    changed = {**HARMLESS, **CLIPS}
    of = {name: scores(flaw.pictures(seen, frames)[::2]) for name, flaw in changed.items() if flaw.pictures}
    plain = scores(frames[::2])
    assert 0 < of["still"]["motion"] < 0.03 and of["still"]["shots"] == 1
    assert of["slides"]["still_share"] > 0.5 and of["slides"]["shots"] == 3 and of["cuts"]["shots"] >= 4
    assert of["blurred"]["sharpness"] < 0.6 * plain["sharpness"]
    assert of["black"]["black_share"] == of["blank"]["black_share"] == 1 and plain["black_share"] == 0
    assert 0 < of["slow"]["motion"] < plain["motion"] and of["lit"]["shots"] == 1
    assert of["lit"]["brightness"] < 0.9 * plain["brightness"]
    assert len(CLIPS["one_frame"].pictures(seen, frames)) == 1


def test_the_sounds_are_what_they_say():
    wave = np.sin(np.arange(16000) / 9).astype(np.float32) * 0.3
    assert clipped_share(CLIPS["overdriven"].sound(wave)) > 0.3
    assert silence_share(CLIPS["silent"].sound(wave), 16000) == 1
    assert 0.005 < np.abs(CLIPS["faint"].sound(wave)).max() < 0.006
    assert HARMLESS["mute"].sound(wave) is None


def test_the_test_set_has_the_leaked_titles_and_clips_in_other_pictures(tmp_path):
    entries = [*small("leaked_title", 2), *small("leaked_clip", 2), *small("good")]
    write_test_set(tmp_path, entries, "demo:clip")
    titles = (tmp_path / TITLES).read_text(encoding="utf-8").splitlines()
    assert [title.lower().strip("!") for title in titles] == [one.title for one in entries[:2]]
    vectors = np.array(pq.read_table(tmp_path / EMBEDDINGS)["embedding"].to_pylist(), np.float32)
    assert len(vectors) == 2 and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
    assert vectors[0] @ vectors[1] < 0.99
