"""Captions of keyframes and clips, by the demo checkpoints."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from vidal import models
from vidal.caption.config import CaptionerConfig
from vidal.caption.keyframes import Keyframes
from vidal.caption.video import VideoCaption, hint
from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.engine.attempt import Retry
from vidal.engine.isolation import prepared
from vidal.engine.step import Sample
from vidal.media.images import encode_jpeg

TRUTHS = [scene(77, number) for number in range(5)]
FRAMES = (3, 1, 8, 2, 3)


@pytest.fixture(scope="module")
def clips():
    made = []
    for truth, count in zip(TRUTHS, FRAMES, strict=True):
        instants = np.linspace(0.0, truth.seconds - 1 / truth.fps, count)
        members = {f"frm{n}.jpg": encode_jpeg(render(truth, float(t), 128).rgb) for n, t in enumerate(instants)}
        columns = {"title": language.title(truth), "hashtags": language.hashtags(truth)}
        made.append(Sample(f"v{truth.index}", "video", columns, members))
    return made


@pytest.fixture(scope="module")
def keyframes():
    step = Keyframes(CaptionerConfig(checkpoint="demo:captioner"))
    step.setup()
    return step


@pytest.fixture(scope="module")
def video():
    step = VideoCaption(CaptionerConfig(checkpoint="demo:video-captioner"))
    step.setup()
    return step


def told(step, samples):
    """The captions of each sample as one batch, by id."""
    for sample in samples:
        step.prepare(sample)
    results = step.process(samples)
    assert {result.status for result in results} == {"ok"} and len(results) == len(samples)
    column = next(iter(step.columns))
    return {result.id: result.columns[column] for result in results}


def test_every_keyframe_has_one_caption(keyframes, clips):
    found = told(keyframes, clips)
    assert [len(found[sample.id]) for sample in clips] == list(FRAMES)
    for sample, truth in zip(clips, TRUTHS, strict=True):
        for text in found[sample.id]:
            assert truth.colour in text.split() and truth.size in text.split(), (text, truth)


def test_captions_are_in_the_order_of_the_keyframes(keyframes, clips):
    first, other = clips[0].members["frm0.jpg"], clips[1].members["frm0.jpg"]
    mixed = Sample("m", "video", members={"frm2.jpg": other, "frm0.jpg": first, "frm1.jpg": other})
    swapped = Sample("s", "video", members={"frm0.jpg": other, "frm1.jpg": first, "frm2.jpg": first})
    found = told(keyframes, [mixed, swapped])
    here, there = found["m"][:2]
    assert here != there and found == {"m": [here, there, there], "s": [there, here, here]}


def test_every_clip_has_one_caption(video, clips):
    found = told(video, clips)
    for sample, truth in zip(clips, TRUTHS, strict=True):
        assert {truth.colour, truth.size} <= set(found[sample.id].split()), (found[sample.id], truth)
        assert "\n" not in found[sample.id]


@pytest.mark.parametrize("kind", ["keyframes", "video"])
def test_no_company_changes_a_caption(kind, request, clips):
    step = request.getfixturevalue(kind)
    together = told(step, clips)
    assert told(step, clips[::-1]) == together
    assert {id_: text for one in clips for id_, text in told(step, [one]).items()} == together
    assert len({str(text) for text in together.values()}) == len(clips)


def test_another_worker_says_the_same(clips):
    for step_class, name in ((Keyframes, "captioner"), (VideoCaption, "video-captioner")):
        found = []
        for _ in range(2):
            step = step_class(CaptionerConfig(checkpoint=f"demo:{name}"))
            step.setup()
            found.append(told(step, clips[:2]))
        assert found[0] == found[1]


def test_title_and_hashtags_help_a_checkpoint_that_takes_a_prompt(video, clips, tmp_path):
    folder = shutil.copytree(models.resolve("demo:video-captioner"), tmp_path / "prompted")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "prompt": "a {hints}"}))
    prompted = VideoCaption(CaptionerConfig(checkpoint=str(folder)))
    prompted.setup()
    members = clips[0].members
    titles = {"a": "small yellow ring", "b": "large"}
    samples = [Sample(id_, "video", {"title": title, "hashtags": []}, members) for id_, title in titles.items()]
    steered, plain = told(prompted, samples), told(video, samples)
    assert steered["a"] != steered["b"] and plain["a"] == plain["b"]


@pytest.mark.parametrize(
    ("title", "hashtags", "line"),
    [
        ("Red ball", ["red", "ball"], "Red ball #red #ball"),
        ("Red ball", [], "Red ball"),
        ("Red ball", None, "Red ball"),
        ("", ["red"], "#red"),
        ("", [], ""),
        ("{hints} {0}", [], "{hints} {0}"),
    ],
)
def test_the_hint_is_title_and_hashtags(title, hashtags, line):
    assert hint(Sample("s", "video", {"title": title, "hashtags": hashtags})) == line


@pytest.mark.parametrize("kind", ["keyframes", "video"])
def test_a_broken_keyframe_fails_its_clip(kind, request, clips):
    step = request.getfixturevalue(kind)
    broken = Sample("b", "video", clips[0].columns, {**clips[0].members, "frm1.jpg": b"no picture"})
    (result,) = prepared(step, [broken], Retry(attempts=1))
    assert (result.status, result.failure.error_class, result.columns) == ("failed", "NotMedia", {})


@pytest.mark.parametrize("step_class", [Keyframes, VideoCaption])
def test_captions_are_of_kept_clips_and_depend_on_the_checkpoint(step_class):
    step = step_class(CaptionerConfig(checkpoint="demo:captioner"))
    assert step.kinds == {"video"} and step.gate == "filter/verdicts"
    assert step.settings() == {"checkpoint": "demo:captioner", "identity": models.identity("demo:captioner")}
