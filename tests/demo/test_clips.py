from __future__ import annotations

import shutil

import av
import numpy as np
import pytest

from vidal.demo.clips import STAMP, build_world, claim_duration, file_names, write_entry
from vidal.demo.render import render
from vidal.demo.trouble import catalogue


def decode(path):
    """All pictures as RGB and all sound as one float array."""
    with av.open(path) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(path) as container:
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    return pictures, sound


def packets(path, kind):
    with av.open(path) as container:
        return sum(packet.size > 0 for packet in container.demux(**{kind: 0}))


def test_every_entry_has_its_files_and_nothing_else(folder, entries):
    wanted = {name for entry in entries for name in file_names(entry)} | {STAMP}
    assert {path.name for path in folder.iterdir()} == wanted


def test_good_clips_decode_to_their_scenes(folder, entries):
    for entry in (e for e in entries if e.kind == "video" and e.trouble is None):
        pictures, sound = decode(folder / entry.filename)
        assert len(pictures) == entry.scene.frames
        middle = len(pictures) // 2
        truth = render(entry.scene, middle / entry.scene.fps).rgb
        assert pictures[middle].shape == truth.shape
        assert np.abs(pictures[middle].astype(float) - truth).mean() < 8
        assert np.sqrt(np.mean(sound**2)) > 0.003


@pytest.mark.parametrize("kind", ["ogg", "mp3"])
def test_sounds_decode_in_both_previews(folder, entries, kind):
    for entry in (e for e in entries if e.kind == "audio"):
        with av.open(folder / f"{entry.id}.{kind}") as container:
            sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
        assert abs(sound.size / 48000 - entry.scene.seconds) < 0.1
        assert (np.abs(sound).max() < 1e-3) == (entry.trouble == "silent")


def test_a_finished_folder_is_left_alone_and_an_unfinished_one_completed_alike(folder, entries, tmp_path):
    copy = tmp_path / "world"
    shutil.copytree(folder, copy)
    (copy / entries[0].filename).write_bytes(b"mine")
    build_world(copy, seed=0, good=4, workers=2)
    assert (copy / entries[0].filename).read_bytes() == b"mine"
    (copy / STAMP).unlink()
    assert build_world(copy, seed=0, good=4, workers=2) == entries
    assert {path.name for path in copy.iterdir()} == {path.name for path in folder.iterdir()}
    for path in folder.iterdir():
        assert path.read_bytes() == (copy / path.name).read_bytes(), path.name


def test_duplicates_are_the_same_bytes(folder, entries):
    for copy in (e for e in entries if e.trouble == "duplicate"):
        original = next(e for e in entries if e.scene == copy.scene and e.trouble is None)
        assert (folder / copy.filename).read_bytes() == (folder / original.filename).read_bytes()


def test_stills_stand_still_with_a_sound(folder, troubled):
    pictures, sound = decode(folder / troubled("still").filename)
    assert max(np.abs(picture.astype(int) - pictures[0]).mean() for picture in pictures) < 2
    assert np.abs(sound).max() > 0.1


def test_the_silent_clip_moves_without_a_sound(folder, troubled):
    entry = troubled("silent")
    pictures, sound = decode(folder / entry.filename)
    assert np.abs(pictures[-1].astype(int) - pictures[0]).mean() > 0.5
    assert np.abs(sound).max() < 1e-4


def test_damaged_files_are_what_they_claim_to_be(folder, troubled):
    def content(trouble):
        return (folder / troubled(trouble).filename).read_bytes()

    assert content("empty") == b""
    assert b"<html" in content("html")
    assert content("playlist").startswith(b"#EXTM3U") and b"file:///" in content("playlist")
    with av.open(folder / troubled("truncated").filename) as container:
        listed = container.streams.video[0].frames
    assert packets(folder / troubled("truncated").filename, "video") < listed


def test_the_unsaid_long_clip_is_long(folder, troubled):
    entry = troubled("long_unsaid")
    assert entry.duration < 20 < packets(folder / entry.filename, "video") / entry.scene.fps


def test_false_headers_claim_three_hours_over_one_second(folder, troubled):
    webm, mp4 = troubled("header_3h_webm"), troubled("header_3h_mp4")
    with av.open(folder / webm.filename) as container:
        assert container.duration == 3 * 3600 * 1_000_000
    assert (10800 * 1000).to_bytes(4, "big") in (folder / mp4.filename).read_bytes()
    for entry in (webm, mp4):
        assert packets(folder / entry.filename, "video") == entry.scene.fps


def test_claimed_durations_change_headers_only(tmp_path):
    entry = next(e for e in catalogue(0) if e.trouble == "header_3h_mp4")
    write_entry(entry, tmp_path / "clip")
    data = (tmp_path / "clip").read_bytes()
    claimed = claim_duration(data, 7200)
    changed = [at for at, (a, b) in enumerate(zip(data, claimed, strict=True)) if a != b]
    assert changed and max(changed) < data.index(b"mdat")
