"""Captions of keyframes and clips, by the demo checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.models.image_text import tiny
from vidal import models
from vidal.caption.config import CaptionerConfig
from vidal.caption.keyframes import Keyframes
from vidal.caption.shown import hint, sha256_of
from vidal.caption.video import VideoCaption
from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.engine.attempt import Retry
from vidal.engine.batches import Clock, batches_of
from vidal.engine.errors import VidalError
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
        columns["frame_seconds"] = instants.tolist()
        made.append(Sample(f"v{truth.index}", "video", columns, members))
    return made


def up(step):
    """The step, set up."""
    step.setup()
    return step


@pytest.fixture(scope="module")
def keyframes():
    return up(Keyframes(CaptionerConfig(checkpoint="demo:captioner"), Path()))


@pytest.fixture(scope="module")
def video():
    return up(VideoCaption(CaptionerConfig(checkpoint="demo:video-captioner"), Path()))


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
            step = step_class(CaptionerConfig(checkpoint=f"demo:{name}"), Path())
            found.append(told(up(step), clips[:2]))
        assert found[0] == found[1]


def test_title_and_hashtags_help_a_checkpoint_that_takes_a_prompt(clips, tmp_path):
    (tmp_path / "asked.txt").write_text("a {hints}\n")
    checkpoint = str(tiny.git(tmp_path / "git", frames=3))
    samples = [replace(clips[0], id=id_, columns={**clips[0].columns, "title": id_}) for id_ in ("a star", "two")]
    prompted, plain = (
        VideoCaption(CaptionerConfig(checkpoint=checkpoint, prompt=prompt, max_tokens=8), tmp_path)
        for prompt in ("asked.txt", None)
    )
    assert prompted.settings() == {**plain.settings(), "prompt_sha256": sha256_of("a {hints}")}
    steered, deaf = (told(step, samples) for step in map(up, (prompted, plain)))
    assert steered["a star"] != steered["two"] and deaf["a star"] == deaf["two"]


def test_the_instants_of_keyframes_help_a_checkpoint_that_takes_videos(clips, tmp_path):
    config = CaptionerConfig(checkpoint=str(tiny.qwen2_5_vl(tmp_path)), max_tokens=8)
    slow = replace(clips[2], columns={**clips[2].columns, "frame_seconds": [9.0 * one for one in range(8)]})
    step = up(VideoCaption(config, tmp_path))
    assert told(step, [slow]) != told(step, clips[2:3])


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


@pytest.mark.parametrize("kind", ["keyframes", "video"])
def test_a_damaged_clip_fails_alone(kind, request, clips):
    """One whose picture is broken, and one that has none."""
    step = request.getfixturevalue(kind)
    bare = replace(clips[0], id="bare", members={})
    torn = replace(clips[0], id="torn", members={**clips[0].members, "frm1.jpg": clips[0].members["frm1.jpg"][:400]})
    given = [bare, clips[1], torn, clips[2]]
    found = {one.id: one for batch in batches_of(step, given, Retry(attempts=1), Clock()) for one in batch}
    assert {id_: one.failure.error_class for id_, one in found.items() if one.failure} == {
        "bare": "NoKeyframes",
        "torn": "DecodeFailed",
    }
    fine = told(step, clips[1:3])
    assert {id_: one.columns[next(iter(step.columns))] for id_, one in found.items() if not one.failure} == fine


@pytest.mark.parametrize("step_class", [Keyframes, VideoCaption])
def test_captions_are_of_kept_clips_and_depend_on_the_checkpoint(step_class):
    step = step_class(CaptionerConfig(checkpoint="demo:captioner"), Path())
    assert step.kinds == {"video"} and step.gate == "filter/verdicts"
    assert step.settings() == {"checkpoint": "demo:captioner", "identity": models.identity("demo:captioner")}


def test_options_reach_the_model_and_the_settings(tmp_path):
    (tmp_path / "asked.txt").write_text("a red\n")
    checkpoint = str(tiny.blip(tmp_path / "blip"))
    config = CaptionerConfig(checkpoint=checkpoint, prompt="asked.txt", max_tokens=3)
    step = up(Keyframes(config, tmp_path))
    assert (step._model.form.prompt, step._model.max_tokens) == ("a red", 3)
    settings = step.settings()
    assert (settings["prompt_sha256"], settings["max_tokens"]) == (sha256_of("a red"), 3) and "prompt" not in settings
    (tmp_path / "asked.txt").write_text("a blue\n")
    assert Keyframes(config, tmp_path).settings() != step.settings()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("none.txt", None, "not found"), ("e.txt", b" \n", "empty"), ("b", b"\xff", "UTF-8")],
)
def test_a_prompt_that_cannot_be_used_is_one_message(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(VidalError, match=message) as caught:
        Keyframes(CaptionerConfig(checkpoint="demo:captioner", prompt=name), tmp_path)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "either a checkpoint or an endpoint"),
        ({"checkpoint": "a/b", "endpoint": {"model": "m"}}, "either a checkpoint or an endpoint"),
        ({"endpoint": {"model": "m"}, "max_tokens": 9}, "its own section"),
        ({"endpoint": {"model": "m"}, "compat": True}, "its own section"),
        ({"endpoint": {"model": "m", "detail": "sharp"}}, "'low', 'high' or 'auto'"),
        ({"checkpoint": "a/b", "max_tokens": 0}, "greater than or equal to 1"),
    ],
)
def test_a_section_names_one_author(section, message):
    with pytest.raises(ValidationError, match=message):
        CaptionerConfig(**section)
