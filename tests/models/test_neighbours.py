"""A result depends on its own input alone: not on company, order or place in the batch."""

from __future__ import annotations

import numpy as np
import pytest

from vidal import models
from vidal.demo.sound import waveform
from vidal.demo.train.data import scenes

FRAME_ROLES = {
    "clip": ("demo:clip", lambda model, frames: list(model.embed_images(frames))),
    "depth": ("demo:depth", lambda model, frames: model.depth(frames)),
    "infrared": ("demo:srgb-tir", lambda model, frames: model.translate(frames, seed=7)),
    "captioner": ("demo:captioner", lambda model, frames: [np.array(text) for text in model.caption_images(frames)]),
}


@pytest.mark.parametrize("role", FRAME_ROLES)
def test_frames(role, company):
    checkpoint, run = FRAME_ROLES[role]
    model = models.load(role, checkpoint, device="cpu")
    together = run(model, company)
    order = np.random.default_rng(0).permutation(len(company))
    shuffled = run(model, [company[index] for index in order])
    for place, index in enumerate(order):
        assert together[index].tobytes() == shuffled[place].tobytes()
    for frame, expected in zip(company, together, strict=True):
        assert run(model, [frame])[0].tobytes() == expected.tobytes()


def test_texts_of_clip_and_clap():
    texts = [f"a {one.colour} {one.shape}" * (1 + index) for index, one in enumerate(scenes(902, 11))]
    for role in ("clip", "clap"):
        model = models.load(role, f"demo:{role}", device="cpu")
        together = model.embed_texts(texts)
        assert together[::-1].tobytes() == model.embed_texts(texts[::-1]).tobytes()
        alone = [model.embed_texts([text])[0] for text in texts]
        assert together.tobytes() == np.stack(alone).tobytes()


def test_sounds():
    model = models.load("clap", "demo:clap", device="cpu")
    waves = [waveform(one) for one in scenes(902, 10)]
    waves.append(np.concatenate(waves[:4]))
    together = model.embed_audio(waves, 16000)
    np.random.seed(5)  # the feature extractor draws its crops from numpy's global generator
    assert together[::-1].tobytes() == model.embed_audio(waves[::-1], 16000).tobytes()
    alone = [model.embed_audio([wave], 16000)[0] for wave in waves]
    assert together.tobytes() == np.stack(alone).tobytes()


def test_clips(company):
    model = models.load("video_captioner", "demo:video-captioner", device="cpu")
    clips = [company[:8], company[3:5], company[:1]]
    together = model.caption_video(clips, ["", "", ""])
    assert together[::-1] == model.caption_video(clips[::-1], ["", "", ""])
