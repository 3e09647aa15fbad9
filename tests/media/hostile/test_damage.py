"""Good files of every container, cut and spoiled: a result, or an error that says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

CONTAINERS = ("mp4", "mov", "webm", "mkv", "ogv", "avi", "flv", "ts", "ogg", "wav", "aiff", "flac", "mp3", "aac")
# The index of these stands at the end, so that no cut file is whole.
INDEXED = {"mp4", "mov"}
SOUNDS = {"ogg", "wav", "aiff", "flac", "mp3", "aac"}
BROKEN = {
    *("NotMedia", "NoVideo", "NoAudio", "Truncated", "DecodeFailed", "TooLong", "TooManyPixels", "CodecRefused"),
    *("SoundRefused", "TooManyTracks"),
}


def kind(container: str) -> str:
    return "audio" if container in SOUNDS else "video"


@pytest.mark.parametrize("container", CONTAINERS)
def test_whole_files_are_taken(outcome, made, container):
    assert outcome(bytes(made(container)), kind=kind(container)) == "ok"


@pytest.mark.parametrize("share", [0.002, 0.1, 0.7])
@pytest.mark.parametrize("container", CONTAINERS)
def test_cut_files(outcome, made, container, share):
    data = bytes(made(container))
    found = outcome(data[: int(len(data) * share)], kind=kind(container))
    assert found in (BROKEN if share < 0.01 or container in INDEXED else {"ok", *BROKEN})


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 60))])
@pytest.mark.parametrize("container", CONTAINERS)
def test_flipped_bits(outcome, made, container, seed):
    data, rng = np.frombuffer(made(container), np.uint8).copy(), np.random.default_rng(seed)
    places = rng.integers(0, (400, 4000, len(data))[seed % 3], 4 + 30 * (seed % 3))
    data[places % len(data)] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
    assert outcome(data.tobytes(), kind=kind(container)) in {"ok", *BROKEN}
