"""Samples of demo scenes as `harvest/media` leaves them: JPEG keyframes and FLAC sound, with their texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import Scene, scene
from vidal.demo.sound import waveform
from vidal.engine.step import Sample
from vidal.media.images import encode_jpeg
from vidal.media.sound import encode_flac

SEED = 77
"""A world that no demo checkpoint was trained on."""
RATE = 16000


def sample_of(truth: Scene, frames: int = 2, sound: bool = True, title: str | None = None) -> Sample:
    """A scene as a video sample; `frames` keyframes, the first and the last at the ends of the clip."""
    instants = np.linspace(0.0, truth.seconds - 1 / truth.fps, frames)
    members = {f"frm{n}.jpg": encode_jpeg(render(truth, float(t), 128).rgb) for n, t in enumerate(instants)}
    if sound:
        members["flac"] = encode_flac(waveform(truth, RATE), RATE)
    told = language.title(truth) if title is None else title
    columns = {"title": told, "hashtags": language.hashtags(truth), "terms": [language.thing(truth)]}
    return Sample(f"v{truth.index:03d}", "video", columns, members)


@pytest.fixture(scope="session")
def truths() -> list[Scene]:
    """Six scenes, one of each shape, each of another colour and sound."""
    found: list[Scene] = []
    for number in range(500):
        one = scene(SEED, number)
        others = [{other.shape, other.colour, other.sound} for other in found]
        if not any({one.shape, one.colour, one.sound} & other for other in others):
            found.append(one)
        if len(found) == 6:
            return found
    raise LookupError("the world has no six such scenes")


@pytest.fixture
def videos(truths: list[Scene]) -> list[Sample]:
    """The six scenes as samples, keyframes only."""
    return [sample_of(truth, sound=False) for truth in truths]


@pytest.fixture
def sounds(truths: list[Scene]) -> list[Sample]:
    """The sounds of the six scenes as audio samples."""
    return [
        Sample(
            f"a{truth.index:03d}",
            "audio",
            {"title": language.sound_title(truth), "hashtags": [], "terms": [truth.sound]},
            {"flac": encode_flac(waveform(truth, RATE), RATE)},
        )
        for truth in truths
    ]


@pytest.fixture
def scored() -> Callable[..., dict[str, dict[str, float | None]]]:
    """Prepare and process samples as one batch; the columns of each by id, every one of them `ok`."""

    def run(step, samples):
        for sample in samples:
            step.prepare(sample)
        results = step.process(samples)
        assert sorted(result.id for result in results) == sorted(sample.id for sample in samples)
        assert {result.status for result in results} == {"ok"}
        return {result.id: result.columns for result in results}

    return run
