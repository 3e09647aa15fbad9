from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vidal.demo.scene import SOUNDS, scene
from vidal.demo.sound import waveform


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_sound_has_its_length_its_level_and_never_falls_silent(sound, rate):
    heard = replace(scene(0, 7), sound=sound)
    samples = waveform(heard, rate)
    assert samples.dtype == np.float32 and samples.shape == (round(heard.seconds * rate),)
    assert 0.15 < np.abs(samples).max() < 0.65
    pieces = np.array_split(samples, int(heard.seconds * 20))
    assert min(float(np.sqrt(np.mean(piece**2))) for piece in pieces) > 1e-4
    assert (samples == waveform(heard, rate)).all()


def test_a_class_varies_between_scenes():
    takes = [waveform(replace(scene(0, i), sound="bell", seconds=2.0)) for i in range(4)]
    assert all((takes[0] != other).any() for other in takes[1:])


def test_classes_are_told_apart_by_their_mean_spectrum():
    """A nearest-centroid classifier on 24 log-spaced bands must tell the classes apart on other scenes."""

    def features(index: int, sound: str) -> np.ndarray:
        samples = waveform(replace(scene(0, index), sound=sound, seconds=3.0))
        frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::512] * np.hanning(1024)
        power = np.abs(np.fft.rfft(frames)) ** 2
        edges = np.unique(np.geomspace(2, 513, 25).astype(int))
        bands = np.log(np.stack([power[:, a:b].mean(1) for a, b in pairwise(edges)]) + 1e-6)
        return np.concatenate([bands.mean(1), bands.std(1)])

    centroids = np.stack([np.mean([features(i, sound) for i in range(12)], 0) for sound in SOUNDS])
    tried = [(k, features(i, sound)) for k, sound in enumerate(SOUNDS) for i in range(100, 108)]
    right = sum(int(np.argmin(np.linalg.norm(centroids - f, axis=1))) == k for k, f in tried)
    assert right / len(tried) >= 0.9
