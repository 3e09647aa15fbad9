"""Clips by the hashes of their keyframes: planted ones against comparing every pair, and real ones."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from tests.filter.duplicates.conftest import lists, population
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.filter.duplicates import perceptual
from vidal.filter.duplicates.config import PerceptualConfig
from vidal.filter.duplicates.perceptual import alike, near
from vidal.filter.hashes import BITS, BYTES, frame_hash, mirrored
from vidal.media.ffmpeg import ffmpeg_binary
from vidal.media.images import decode_image
from vidal.media.limits import MediaSettings
from vidal.media.normalise import normalise
from vidal.media.write import write_clip

CONFIG = PerceptualConfig(max_distance=0.24, min_share=0.6)


def drawn(rng, frames=8, bits=300):
    """Hashes with about so many bits set."""
    return np.packbits(rng.random((frames, BITS)) < bits / BITS, axis=1)


def flipped(rng, hashes, share):
    """Hashes of which a share of the bits set is taken away."""
    return hashes & ~np.packbits(rng.random((len(hashes), BITS)) < share, axis=1)


def one_by_one(clips, config=CONFIG):
    found = []
    for place, clip in enumerate(clips):
        kept = (other for other in range(place) if found[other] < 0 and alike(clips[other], clip, config))
        found.append(next(kept, -1))
    return found


def planted(seed, count=60):
    """Clips of which some are others with bits lost, frames exchanged or mirrored, some share a picture."""
    rng = np.random.default_rng(seed)
    card = drawn(rng, 1)
    clips = [drawn(rng)]
    while len(clips) < count:
        clip = clips[rng.integers(len(clips))]
        clip = [
            lambda clip=clip: flipped(rng, clip, rng.choice([0.05, 0.2, 0.3])),
            lambda clip=clip: mirrored(clip),
            lambda clip=clip: np.concatenate([clip[3:], drawn(rng, 3)]),
            lambda clip=clip: np.concatenate([clip[4:], drawn(rng, 4)]),
            lambda: np.concatenate([card, drawn(rng, 7)]),
            lambda: drawn(rng),
        ][rng.integers(6)]()
        clips.append(clip)
    return clips


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("flat", [20_000, 0])
def test_the_index_finds_what_comparing_every_pair_finds(seed, flat, monkeypatch):
    monkeypatch.setattr(perceptual, "FLAT", flat)
    clips = planted(seed)
    people = population(*(f"{number:03d}" for number in range(len(clips))))
    found = near(people, lists(*clips), CONFIG)
    assert found.tolist() == one_by_one(clips)
    assert 10 < (found >= 0).sum() < 50


def test_the_order_in_which_hashes_were_read_does_not_matter():
    clips = planted(9)
    people = population(*(f"{number:03d}" for number in range(len(clips))))
    straight = near(people, lists(*clips), CONFIG)
    rows = np.random.default_rng(0).permutation(len(clips))
    assert near(people, lists(*(clips[row] for row in rows), rows=rows), CONFIG).tolist() == straight.tolist()


def test_the_largest_is_kept_then_the_longest_then_the_smallest_id():
    clip = drawn(np.random.default_rng(1))
    people = population("a", {"id": "b", "source_width": 300}, {"id": "c", "source_width": 300, "seconds": 3.0}, "d")
    assert near(people, lists(*[clip] * 4), CONFIG).tolist() == [2, 2, -1, 2]
    people = population("a", "b", {"id": "c", "source_width": None, "seconds": None})
    assert near(people, lists(*[clip] * 3), CONFIG).tolist() == [-1, 0, 0]


@pytest.mark.parametrize(("shared", "same"), [(4, False), (5, True)])
def test_a_share_of_the_keyframes_must_match(shared, same):
    rng = np.random.default_rng(shared)
    clip = drawn(rng)
    other = np.concatenate([drawn(rng, 8 - shared), clip[:shared]])
    assert near(population("a", "b"), lists(clip, other), CONFIG).tolist() == [-1, 0 if same else -1]


def test_a_mirrored_clip_is_found_and_half_of_one_is_not():
    clip = drawn(np.random.default_rng(6))
    half = np.concatenate([clip[:4], mirrored(clip[4:])])
    people = population("a", "b", "c")
    assert near(people, lists(clip, mirrored(clip), half), CONFIG).tolist() == [-1, 0, -1]


def test_a_still_picture_of_a_clip_is_not_the_clip():
    clip = drawn(np.random.default_rng(2))
    still = np.repeat(clip[:1], 8, axis=0)
    assert near(population("a", "b"), lists(clip, still), CONFIG).tolist() == [-1, -1]
    assert near(population("a", "b"), lists(still, still[:3]), CONFIG).tolist() == [-1, 0]


def test_pictures_that_show_nothing_match_nothing():
    rng = np.random.default_rng(3)
    blank = np.zeros((8, BYTES), np.uint8)
    half = np.concatenate([blank[:5], drawn(rng, 3)])
    other = np.concatenate([blank[:5], drawn(rng, 3)])
    people = population(*"abcdef")
    found = near(people, lists(blank, blank, half, other, half, drawn(rng, 8, bits=20)), CONFIG)
    assert found.tolist() == [-1, -1, -1, -1, 2, -1]


def test_sounds_and_nothing_are_not_compared():
    clip = drawn(np.random.default_rng(4))
    people = population({"id": "a", "kind": "audio"}, "b", "c")
    assert near(people, lists(clip, clip, rows=[0, 1]), CONFIG).tolist() == [-1, -1, -1]
    assert near(people, lists(np.zeros((0, BYTES), np.uint8), rows=[]), CONFIG).tolist() == [-1, -1, -1]


def test_a_picture_that_many_share_hides_none(monkeypatch):
    monkeypatch.setattr(perceptual, "NEIGHBOURS", 4)
    rng = np.random.default_rng(5)
    card = drawn(rng, 2)
    clips = [np.concatenate([card, drawn(rng, 6)]) for _ in range(40)]
    clips.append(flipped(rng, clips[30], 0.1))
    people = population(*(f"{number:03d}" for number in range(len(clips))))
    assert near(people, lists(*clips), CONFIG).tolist() == [-1] * 40 + [30]


TRANSFORMS = {
    "half the size": ["-vf", "scale=iw/2:ih/2"],
    "few bits": ["-crf", "32"],
    "cropped": ["-vf", "crop=iw*0.96:ih*0.96"],
    "mirrored": ["-vf", "hflip"],
    "faster": ["-vf", "setpts=PTS/1.1"],
    "later": ["-ss", "0.4"],
}


def test_real_clips_are_found_whatever_was_done_to_them(tmp_path):
    hashes = []
    for number in range(4):
        truth = scene(515, number)
        clip = tmp_path / f"{number}.mp4"
        frames = (render(truth, at / 8, 192).rgb for at in range(16))
        write_clip(clip, (one[: len(one) // 2 * 2, : one.shape[1] // 2 * 2] for one in frames), 8)
        hashes.append(hashes_of(clip))
        for arguments in TRANSFORMS.values():
            target = tmp_path / "target.mp4"
            command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", "-i", clip, *arguments]
            subprocess.run([*command, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-threads", "1", target], check=True)
            hashes.append(hashes_of(target))
    people = population(*(f"{number:03d}" for number in range(len(hashes))))
    each = 1 + len(TRANSFORMS)
    expected = [-1 if place % each == 0 else place // each * each for place in range(len(hashes))]
    assert near(people, lists(*hashes), PerceptualConfig()).tolist() == expected


def hashes_of(clip):
    members = normalise(clip, "video", MediaSettings(short_side=128)).members
    names = [name for name in sorted(members) if name.endswith(".jpg")]
    found = b"".join(frame_hash(decode_image(members[name])) for name in names)
    return np.frombuffer(found, np.uint8).reshape(-1, BYTES)
