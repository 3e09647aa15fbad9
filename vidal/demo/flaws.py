"""A folder of clips and sounds with planted flaws, each for one rule of `pipelines/demo-quality.yaml` to find."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vidal.demo import language
from vidal.demo.clips import write_sound
from vidal.demo.render import render
from vidal.demo.scene import Scene, scene
from vidal.demo.sound import waveform
from vidal.media.write import write_clip

RATE = 48000
SHORT_SIDE = 240
Frames = list[np.ndarray]


@dataclass(frozen=True)
class Flawed:
    """One file of the world. `rule` must drop it; None: it must be kept. Of samples that share a `group`, that is, show
    the same, all but one must be dropped, whichever stays."""

    name: str
    flaw: str
    kind: str
    seen: Scene
    title: str
    hashtags: tuple[str, ...]
    rule: str | None
    group: str | None = None

    @property
    def file(self) -> str:
        return self.name + (".ogg" if self.kind == "audio" else ".webm" if self.seen.index % 5 == 3 else ".mp4")


@dataclass(frozen=True)
class Flaw:
    """A kind of flaw: the rule that must drop it, what is done to a clip's pictures, its sound and its title, and the
    sounds that it can be planted in, if not in all."""

    rule: str | None
    pictures: Callable[[Scene, Frames], Frames] | None = None
    sound: Callable[[np.ndarray], np.ndarray | None] | None = None
    sounds: Sequence[str] = ()
    title: Callable[[Scene], str] | None = None


PLAIN = Flaw(None)
LOW = ("beep", "siren", "engine", "bell", "drum")
"""Sounds whose clipping is still there at 16 kHz: noise, clicks and what is above 2 kHz have lost their flat tops."""


def flawed_world(seed: int, each: int, good: int) -> list[Flawed]:
    """The catalogue of world `seed`: `good` good clips, `each` clips of every flaw, and the sounds. A pure function."""
    numbers = iter(range(good + each * (len(CLIPS) + len(COPIES) + len(SOUNDS)) + 1))

    def fresh(flaw: Flaw = PLAIN) -> Scene:
        drawn = scene(seed, next(numbers))
        if flaw.sounds and drawn.sound not in flaw.sounds:
            drawn = replace(drawn, sound=flaw.sounds[drawn.index % len(flaw.sounds)])
        width, height = (side * SHORT_SIDE // short(drawn) // 2 * 2 for side in (drawn.width, drawn.height))
        return replace(drawn, width=width, height=height, fps=10, seconds=2.0)

    found = [_entry("good", number, fresh(), PLAIN) for number in range(good)]
    for name, flaw in CLIPS.items():
        found += [_entry(name, number, fresh(flaw), flaw) for number in range(each)]
    for name in COPIES:
        for number in range(each):
            original = _entry(f"{name}-original", number, fresh(), PLAIN)
            group = f"{name}-{number:03d}"
            rule = "duplicate" if name == "copied" else "near_duplicate"
            found.append(replace(original, flaw="good", group=group))
            found.append(replace(original, name=group, flaw=name, rule=rule, group=group))
    for name, flaw in SOUNDS.items():
        lengths = (replace(fresh(flaw), seconds=1.5 + number / 10) for number in range(each))
        found += [_entry(name, number, heard, flaw, "audio") for number, heard in enumerate(lengths)]
    return found


def short(of: Scene) -> int:
    return min(of.width, of.height)


def write_world(folder: Path, entries: Sequence[Flawed], workers: int | None = None) -> None:
    """Write every file and its sidecar into `folder`, a process per core sharing the work."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(write_flawed, folder), entries, chunksize=4))


def write_flawed(folder: Path, entry: Flawed) -> None:
    """Write one file and its sidecar: bytes that depend on the entry and the codecs' versions only."""
    told = {"title": entry.title, "hashtags": list(entry.hashtags)}
    (folder / f"{entry.name}.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    flaw = {**CLIPS, **SOUNDS}.get(entry.flaw, PLAIN)
    wave = waveform(entry.seen, RATE)
    if flaw.sound:
        wave = flaw.sound(wave)
    if entry.kind == "audio":
        write_sound(folder / entry.file, wave, RATE)
        return
    frames = [render(entry.seen, number / entry.seen.fps).rgb for number in range(entry.seen.frames)]
    if flaw.pictures:
        frames = flaw.pictures(entry.seen, frames)
    if entry.flaw in COPIES:
        frames = COPIES[entry.flaw](frames)
    codec = "vp9" if entry.file.endswith(".webm") else "h264"
    quality = {"crf": HALF_BITRATE[codec]} if entry.flaw == "recoded" else {}
    write_clip(folder / entry.file, frames, entry.seen.fps, wave, RATE, codec, quality)


HALF_BITRATE = {"h264": "28", "vp9": "44"}
"""Quality at which these clips take about half of the bytes that they take by default."""


def _entry(name: str, number: int, seen: Scene, flaw: Flaw, kind: str = "video") -> Flawed:
    plain = language.sound_title if kind == "audio" else language.title
    title = (flaw.title or plain)(seen)
    tags = tuple(language.hashtags(seen)) if kind == "video" and number % 3 else ()
    return Flawed(f"{name}-{number:03d}", name.removesuffix("-original"), kind, seen, title, tags, flaw.rule)


def _unlike(seen: Scene, *fields: str) -> Scene:
    """Another scene of the same world that differs in all these fields."""
    others = (scene(seen.seed, number) for number in range(seen.index + 1, seen.index + 3000))
    return next(s for s in others if all(getattr(s, field) != getattr(seen, field) for field in fields))


def _still(seen: Scene, frames: Frames) -> Frames:
    return [frames[0]] * len(frames)


def _other_scenes(seen: Scene, count: int) -> Iterator[Scene]:
    """Scenes of other colours and floors than each other, at the size of the first."""
    for _ in range(count):
        yield seen
        other = _unlike(seen, "shape", "colour", "background")
        seen = replace(other, width=seen.width, height=seen.height, fps=seen.fps, seconds=seen.seconds)


def _slides(seen: Scene, frames: Frames) -> Frames:
    """Three still pictures, one after the other."""
    pictures = [render(one, 0.0).rgb for one in _other_scenes(seen, 3)]
    return [pictures[min(2, 3 * number // len(frames))] for number in range(len(frames))]


def _cuts(seen: Scene, frames: Frames) -> Frames:
    """A cut to another scene every quarter of the clip, and back."""
    scenes = list(_other_scenes(seen, 4))
    length = len(frames)
    return [render(scenes[4 * number // length], number / seen.fps).rgb for number in range(length)]


def _blurred(seen: Scene, frames: Frames) -> Frames:
    from PIL import Image, ImageFilter

    blur = ImageFilter.GaussianBlur(short(seen) / 60)
    return [np.asarray(Image.fromarray(frame).filter(blur)) for frame in frames]


def _darkened(seen: Scene, frames: Frames) -> Frames:
    return [(frame * 0.07).astype(np.uint8) for frame in frames]


def _blank(seen: Scene, frames: Frames) -> Frames:
    colour = np.array([30 + 20 * (seen.index % 9), 200 - 15 * (seen.index % 11), 90], np.uint8)
    return [np.broadcast_to(colour, frame.shape).copy() for frame in frames]


def _overdriven(wave: np.ndarray) -> np.ndarray:
    """So loud that a third of the samples are cut off."""
    return np.clip(wave / max(float(np.quantile(np.abs(wave), 2 / 3)), 1e-6), -1, 1).astype(np.float32)


def _faint(wave: np.ndarray) -> np.ndarray:
    """45 dB softer than full scale at its loudest."""
    return (wave * 10 ** (-45 / 20) / max(float(np.abs(wave).max()), 1e-6)).astype(np.float32)


def _foreign(seen: Scene) -> str:
    titles = (
        "كرة صغيرة تتدحرج إلى اليسار على العشب الأخضر",
        "一个红色的小圆形在雪地上向左滚动的视频记录",
        "Ein kleiner roter Kreis rollt langsam nach links über das Gras",
        "Маленький красный круг катится влево по зелёной траве",
    )
    return titles[seen.index % len(titles)]


CLIPS: dict[str, Flaw] = {
    "mute": Flaw(None, sound=lambda wave: None),
    "wrong_title": Flaw(
        "clip_title", title=lambda s: language.title(_unlike(s, "shape", "colour", "size", "motion", "background"))
    ),
    "still": Flaw("still", pictures=_still),
    "slides": Flaw("slides", pictures=_slides),
    "cuts": Flaw("cuts", pictures=_cuts),
    "blurred": Flaw("blurred", pictures=_blurred),
    "black": Flaw("blank", pictures=_darkened),
    "blank": Flaw("blank", pictures=_blank),
    "silent": Flaw("silence", sound=np.zeros_like),
    "overdriven": Flaw("clipping", sound=_overdriven, sounds=LOW),
    "faint": Flaw("faint", sound=_faint),
    "spam": Flaw("spam", title=lambda s: f"{language.title(s)} subscribe subscribe subscribe viral viral shorts fyp"),
    "emoji": Flaw("emoji", title=lambda s: f"🔥🔥🔥🎉🎉😍😍😍🔥🔥🔥🎉😂😂 {language.thing(s)} 🔥🔥🔥🎉🎉🎉😍😍"),
    "unsafe": Flaw("unsafe", title=lambda s: f"{language.title(s)} nsfw"),
    "foreign": Flaw("language", title=_foreign),
}
SOUNDS: dict[str, Flaw] = {
    "good_sound": Flaw(None),
    "silent_sound": Flaw("silence", sound=np.zeros_like),
    "overdriven_sound": Flaw("clipping", sound=_overdriven, sounds=LOW),
    "wrong_sound": Flaw("clap_title", title=lambda s: language.sound_title(_unlike(s, "sound"))),
}


def _scaled(frames: Frames) -> Frames:
    from PIL import Image

    height, width = (side // 4 * 2 for side in frames[0].shape[:2])
    return [np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)) for frame in frames]


def _cropped(frames: Frames) -> Frames:
    """Without a fortieth at each edge."""
    height, width = frames[0].shape[:2]
    top, left = height // 40, width // 40
    bottom, right = top + (height - 2 * top) // 2 * 2, left + (width - 2 * left) // 2 * 2
    return [frame[top:bottom, left:right] for frame in frames]


def _marked(frames: Frames) -> Frames:
    """With a mark in a corner, an eighth of the sides long."""
    marked = [frame.copy() for frame in frames]
    height, width = (side // 8 for side in frames[0].shape[:2])
    for frame in marked:
        frame[4 : 4 + height, 4 : 4 + width] = (250, 250, 250)
        frame[4 + height // 3 : 4 + 2 * height // 3, 4 + width // 6 : 4 + 5 * width // 6] = (200, 30, 30)
    return marked


COPIES: dict[str, Callable[[Frames], Frames]] = {
    "copied": lambda frames: frames,
    "recoded": lambda frames: frames,
    "scaled": _scaled,
    "cropped": _cropped,
    "marked": _marked,
}
"""What was done to the second clip of a pair that shows the same."""
