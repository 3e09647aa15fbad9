"""What the stored demo checkpoints achieve on scenes that none has seen, through the loading code of the stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vidal import models
from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import SOUNDS, Scene
from vidal.demo.sound import waveform
from vidal.demo.train.data import HELD_OUT_SEED, clip_frames, frame, instants, scenes, warmth

CLIP_THRESHOLD = 0.55
"""A clip whose cosine of keyframes and title lies below shows something else."""
FLICKERING = 12
"""Clips on which flicker is measured."""
CLAP_THRESHOLD = 0.5
"""A sound whose cosine with its text lies below is another sound."""


@dataclass(frozen=True)
class Measure:
    """One line of the table. `goal` is the least or, where `at_most`, the greatest value that passes; None: no goal."""

    name: str
    value: float
    goal: float | None = None
    at_most: bool = False

    @property
    def passed(self) -> bool:
        """Whether the goal is met; true without one."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.at_most else self.value >= self.goal


@dataclass(frozen=True)
class Separation:
    """The scores of right texts and of as many wrong ones, and the threshold that tells them apart."""

    name: str
    right: np.ndarray
    wrong: np.ndarray
    threshold: float

    @property
    def precision(self) -> float:
        """Share of right texts among those at or above the threshold."""
        kept, wrongly = (self.right >= self.threshold).sum(), (self.wrong >= self.threshold).sum()
        return float(kept / max(kept + wrongly, 1))

    @property
    def recall(self) -> float:
        """Share of the right texts at or above the threshold."""
        return float((self.right >= self.threshold).mean())


Found = tuple[list[Measure], list[Separation]]


def evaluate(clips: int = 256) -> Found:
    """All measures on `clips` held-out scenes, at least 64; CPU seconds per clip of 8 keyframes of short side 256."""
    held_out = scenes(HELD_OUT_SEED, clips)
    shown = [clip_frames(one) for one in held_out]
    parts = (_clip, _clap, _depth, _infrared, _captioner, _video_captioner)
    found = [part(held_out, shown) for part in parts]
    return [one for measures, _ in found for one in measures], [one for _, separations in found for one in separations]


def tables(measures: list[Measure], separations: list[Separation]) -> str:
    """Both as Markdown."""
    lines = ["| measure | value | goal |", "| --- | ---: | ---: |"]
    for one in measures:
        goal = "" if one.goal is None else f"{'≤' if one.at_most else '≥'} {one.goal:g}"
        goal += "" if one.passed else " missed"
        lines.append(f"| {one.name} | {one.value:.3f} | {goal} |")
    lines += ["", "| score | right texts: 1 %, 50 % | wrong texts: 50 %, 99 % | threshold | precision | recall |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for each in separations:
        right = ", ".join(f"{value:.2f}" for value in np.percentile(each.right, (1, 50)))
        wrong = ", ".join(f"{value:.2f}" for value in np.percentile(each.wrong, (50, 99)))
        lines.append(
            f"| {each.name} | {right} | {wrong} | {each.threshold:g} | {each.precision:.3f} | {each.recall:.3f} |"
        )
    return "\n".join(lines)


def _clip(held_out: list[Scene], shown: list[list[np.ndarray]]) -> Found:
    model = models.load("clip", "demo:clip", device="cpu")
    with _cpu_seconds("CLIP", len(shown)) as cost:
        images = np.stack([model.embed_images(clip) for clip in shown])
    captions = model.embed_texts([language.caption(one) for one in held_out])
    titles = model.embed_texts([language.title(one) for one in held_out])
    tagged = model.embed_texts([_tagged(language.title(one), language.hashtags(one)) for one in held_out])
    others = [_unlike(held_out, index) for index in range(len(held_out))]
    separations = []
    for name, texts in (("title", titles), ("title and hashtags", tagged)):
        right, wrong = _cosines(images, texts), _cosines(images, texts[others])
        for how, over in (("mean", np.mean), ("greatest", np.max)):
            score = f"CLIP {name}, {how} of the frames"
            separations.append(Separation(score, over(right, 1), over(wrong, 1), CLIP_THRESHOLD))
    measures = [
        Measure("CLIP image to caption R@1 among 32", _recall(images, captions), 0.80),
        Measure("CLIP image to title R@1 among 32", _recall(images, titles)),
    ]
    return measures + cost, separations


def _clap(held_out: list[Scene], shown: list[list[np.ndarray]]) -> Found:
    model = models.load("clap", "demo:clap", device="cpu")
    with _cpu_seconds("CLAP", len(held_out)) as cost:
        sounds = np.concatenate([model.embed_audio([waveform(one)], 16000) for one in held_out])
    kinds = np.array([SOUNDS.index(one.sound) for one in held_out])
    heard = (sounds @ model.embed_texts(language.sound_prompts()).T).argmax(1)
    others = np.array([next(j for j in _after(i, len(kinds)) if kinds[j] != kinds[i]) for i in range(len(kinds))])
    separations = []
    for name, told in (
        ("CLAP sound title", [language.sound_title(one) for one in held_out]),
        ("CLAP clip title and hashtags", [_tagged(language.title(one), language.hashtags(one)) for one in held_out]),
    ):
        texts = model.embed_texts(told)
        right, wrong = (sounds * texts).sum(1), (sounds * texts[others]).sum(1)
        separations.append(Separation(name, right, wrong, CLAP_THRESHOLD))
    return [Measure("CLAP sound to caption top-1 of 8", float((heard == kinds).mean()), 0.90), *cost], separations


def _depth(held_out: list[Scene], shown: list[list[np.ndarray]]) -> Found:
    model = models.load("depth", "demo:depth", device="cpu")
    with _cpu_seconds("depth", len(shown)) as cost:
        found = [model.depth(clip) for clip in shown]
    errors, near = [], []
    for one, maps in zip(held_out, found, strict=True):
        truth = frame(one, 0.0, 256, 90).metres
        errors.append(np.mean(np.abs(maps[0] - truth) / truth))
        near.append(np.mean(np.maximum(maps[0] / truth, truth / np.maximum(maps[0], 1e-3)) < 1.25))
    return [
        Measure("depth AbsRel", float(np.mean(errors)), 0.15, at_most=True),
        Measure("depth within a factor of 1.25", float(np.mean(near)), 0.85),
        *cost,
    ], []


def _infrared(held_out: list[Scene], shown: list[list[np.ndarray]]) -> Found:
    model = models.load("infrared", "demo:srgb-tir", device="cpu")
    with _cpu_seconds("infrared", len(shown)) as cost:
        found = [model.translate(clip, seed=index) for index, clip in enumerate(shown)]
    errors, hotter = [], []
    for one, maps in zip(held_out, found, strict=True):
        truths = [render(one, t, 256).celsius for t in instants(one)]
        errors.append(np.mean(np.abs(maps[0] / 255.0 - warmth(truths[0])[..., None])))
        hot = [truth > one.background_celsius for truth in truths]
        pairs = [(seen, where) for seen, where in zip(maps, hot, strict=True) if where.any()]
        hotter += [seen[where].mean() > seen[~where].mean() for seen, where in pairs]
    return [
        Measure("infrared mean absolute error, 0..1", float(np.mean(errors))),
        Measure("infrared: frames whose hot object is hotter than the rest", float(np.mean(hotter)), 0.95),
        Measure("infrared: flicker with a style for each frame, times that with one", _flicker(model, held_out), 5.0),
        *cost,
    ], []


def _flicker(model: Any, held_out: list[Scene]) -> float:
    """How much more what does not move changes from frame to frame where each frame is translated in a style of its
    own: mean absolute differences, on a few clips."""
    alone = replace(model, place=replace(model.place, batch=1))
    steady, drawn = [], []
    for number, one in enumerate(held_out[:FLICKERING]):
        temperatures = np.stack([render(one, t, 128).celsius for t in instants(one)])
        still = np.ptp(temperatures, axis=0) < 0.01
        frames = clip_frames(one, short_side=128)
        each = [alone.translate([frame], seed=number + 1000 * place)[0] for place, frame in enumerate(frames)]
        for changes, shown in ((steady, model.translate(frames, seed=number)), (drawn, each)):
            changes.append(np.abs(np.diff(np.stack(shown).astype(float), axis=0))[:, still].mean())
    return float(np.mean(drawn) / np.mean(steady))


def _captioner(held_out: list[Scene], shown: list[list[np.ndarray]]) -> Found:
    model = models.load("captioner", "demo:captioner", device="cpu")
    with _cpu_seconds("keyframe captions", len(shown)) as cost:
        told = [model.caption_images(clip) for clip in shown]
    pairs = [(text, one) for texts, one in zip(told, held_out, strict=True) for text in texts]
    return [
        Measure("keyframe captions: right object and colour", _share(_names, pairs), 0.80),
        Measure("keyframe captions: right in every word", _share(_says_frame, pairs)),
        *cost,
    ], []


def _video_captioner(held_out: list[Scene], shown: list[list[np.ndarray]]) -> Found:
    model = models.load("video_captioner", "demo:video-captioner", device="cpu")
    own = [_tagged(language.title(one), language.hashtags(one)) for one in held_out]
    of_another = [own[_unlike(held_out, index)] for index in range(len(held_out))]
    with _cpu_seconds("video caption", len(shown)) as cost:
        plain = model.caption_video(shown, [""] * len(shown))
    alone = list(zip(plain, held_out, strict=True))
    helped = list(zip(model.caption_video(shown, own), held_out, strict=True))
    misled = list(zip(model.caption_video(shown, of_another), held_out, strict=True))
    return [
        Measure("video captions: right object, colour and movement", _share(_names_moving, alone), 0.80),
        Measure("video captions: right in every word", _share(_says_clip, alone)),
        Measure("video captions, title given: right object, colour and movement", _share(_names_moving, helped), 0.80),
        Measure("video captions, another's title given: right object and colour", _share(_names, misled), 0.75),
        *cost,
    ], []


@contextmanager
def _cpu_seconds(name: str, clips: int) -> Iterator[list[Measure]]:
    """A list that holds the CPU seconds per clip of the block once it has ended."""
    spent: list[Measure] = []
    begun = time.process_time()
    yield spent
    spent.append(Measure(f"{name}: CPU seconds per clip", (time.process_time() - begun) / clips))


def _recall(images: np.ndarray, texts: np.ndarray) -> float:
    """Share of frames, images [clips, 8, d], whose own text is the nearest of the 32 of its group."""
    groups = len(texts) // 32
    hits = [
        (images[start : start + 32] @ texts[start : start + 32].T).argmax(-1) == np.arange(32)[:, None]
        for start in range(0, groups * 32, 32)
    ]
    return float(np.mean(hits))


def _cosines(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Cosines [clips, 8] of each clip's frames with its text."""
    return np.einsum("cfd,cd->cf", images, texts)


def _unlike(held_out: list[Scene], index: int) -> int:
    """The next scene that differs in all that a title names."""
    told = ("shape", "colour", "size", "motion", "background")
    one = held_out[index]
    others = ((j, held_out[j]) for j in _after(index, len(held_out)))
    return next(j for j, other in others if all(getattr(one, name) != getattr(other, name) for name in told))


def _after(index: int, count: int) -> list[int]:
    return [(index + step) % count for step in range(1, count)]


def _tagged(title: str, hashtags: list[str]) -> str:
    return " ".join((title, *(f"#{tag}" for tag in hashtags)))


def _share(right: Callable[[str, Scene], bool], pairs: Sequence[tuple[str, Scene]]) -> float:
    """Share of the captions that are right of their scene."""
    return float(np.mean([right(text, one) for text, one in pairs]))


def _names(text: str, one: Scene) -> bool:
    words = language.words(text)
    return one.shape in words and one.colour in words


def _names_moving(text: str, one: Scene) -> bool:
    return _names(text, one) and f" {language.moving(one)} " in text


def _says_frame(text: str, one: Scene) -> bool:
    return text == language.frame_caption(one)


def _says_clip(text: str, one: Scene) -> bool:
    return text == language.caption(one)
