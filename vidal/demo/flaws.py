"""A folder of clips and sounds, some good, some with planted flaws, and a test set that some of them leak from."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vidal.demo import language
from vidal.demo.clips import write_sound
from vidal.demo.planted import CLIPS, COPIES, HALF_BITRATE, HARMLESS, PLAIN, SOUNDS, Flaw
from vidal.demo.render import render
from vidal.demo.scene import Scene, scene
from vidal.demo.sound import waveform
from vidal.media.write import write_clip

RATE = 48000
SHORT_SIDE = 240
FPS = 10
SECONDS = 2.0
TITLES, EMBEDDINGS = "titles.txt", "embeddings.parquet"


@dataclass(frozen=True)
class Flawed:
    """One file of the world. `rule` must drop it; None: it must be kept. Of samples that share a `group`, that is, show
    the same in as many pixels, all but one must be dropped, whichever stays."""

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


def flawed_world(seed: int, each: int, good: int) -> list[Flawed]:
    """The catalogue of world `seed`: `good` plain good clips, `each` clips of everything harmless, of every flaw and of
    every kind of copy, and as many of each kind of sound. A pure function."""
    clips = HARMLESS | CLIPS
    numbers = iter(range(good + each * (len(clips) + len(COPIES) + len(SOUNDS))))

    def fresh(flaw: Flaw = PLAIN) -> Scene:
        drawn = scene(seed, next(numbers))
        if flaw.sounds and drawn.sound not in flaw.sounds:
            drawn = replace(drawn, sound=flaw.sounds[drawn.index % len(flaw.sounds)])
        short = min(drawn.width, drawn.height)
        width, height = (side * SHORT_SIDE // short // 2 * 2 for side in (drawn.width, drawn.height))
        return replace(drawn, width=width, height=height, fps=FPS, seconds=flaw.seconds or SECONDS)

    found = [_entry("good", number, fresh(), PLAIN) for number in range(good)]
    for name, flaw in clips.items():
        found += [_entry(name, number, fresh(flaw), flaw) for number in range(each)]
    for name in COPIES:
        for number in range(each):
            found += _pair(name, number, fresh())
    for name, flaw in SOUNDS.items():
        lengths = (replace(fresh(flaw), seconds=1.5 + number / 10) for number in range(each))
        found += [_entry(name, number, heard, flaw, "audio") for number, heard in enumerate(lengths)]
    return found


def _entry(name: str, number: int, seen: Scene, flaw: Flaw, kind: str = "video") -> Flawed:
    plain = language.sound_title if kind == "audio" else language.title
    title = (flaw.title or plain)(seen)
    tags = tuple(language.hashtags(seen)) if kind == "video" and number % 3 else ()
    return Flawed(f"{name}-{number:03d}", name, kind, seen, title, tags, flaw.rule)


def _pair(name: str, number: int, seen: Scene) -> tuple[Flawed, Flawed]:
    """A good clip and its copy."""
    copy = COPIES[name]
    group = None if copy.smaller else f"{name}-{number:03d}"
    original = replace(_entry("good", number, seen, PLAIN), name=f"{name}-original-{number:03d}", group=group)
    return original, replace(original, name=f"{name}-{number:03d}", flaw=name, rule=copy.rule)


def write_world(folder: Path, entries: Sequence[Flawed], workers: int | None = None) -> None:
    """Write every file and its sidecar into `folder`, a process per core sharing the work."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(write_flawed, folder), entries, chunksize=4))


def write_flawed(folder: Path, entry: Flawed) -> None:
    """Write one file and its sidecar: bytes that depend on the entry and the codecs' versions only."""
    told = {"title": entry.title, "hashtags": list(entry.hashtags)}
    (folder / f"{entry.name}.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    flaw = {**HARMLESS, **CLIPS, **SOUNDS}.get(entry.flaw, PLAIN)
    wave = waveform(entry.seen, RATE)
    if flaw.sound:
        wave = flaw.sound(wave)
    if entry.kind == "audio":
        write_sound(folder / entry.file, wave, RATE)
        return
    frames = [render(entry.seen, number / entry.seen.fps).rgb for number in range(entry.seen.frames)]
    if flaw.pictures:
        frames = flaw.pictures(entry.seen, frames)
    if entry.flaw in COPIES and (change := COPIES[entry.flaw].pictures):
        frames = change(frames)
    codec = "vp9" if entry.file.endswith(".webm") else "h264"
    quality = {"crf": HALF_BITRATE[codec]} if entry.flaw == "recoded" else {}
    write_clip(folder / entry.file, frames, entry.seen.fps, wave, RATE, codec, quality)


def write_test_set(folder: Path, entries: Sequence[Flawed], checkpoint: str) -> None:
    """Write a test set: TITLES, in capitals, of the clips with leaked titles, and EMBEDDINGS by the CLIP `checkpoint`
    of the leaked clips, which the test set has half as large again and from before they were encoded."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from vidal import models
    from vidal.filter.embeddings import EMBEDDING, centre

    leaked = [f"{entry.title.upper()}!" for entry in entries if entry.flaw == "leaked_title"]
    (folder / TITLES).write_text("\n".join(leaked), encoding="utf-8")
    clip = models.load("clip", checkpoint)
    shown = [entry.seen for entry in entries if entry.flaw == "leaked_clip"]
    vectors = [
        centre(clip.embed_images([render(seen, at, SHORT_SIDE * 3 // 2).rgb for at in _keyframes(seen)]))
        for seen in shown
    ]
    pq.write_table(pa.table({"embedding": pa.array(map(list, vectors), EMBEDDING)}), folder / EMBEDDINGS)


def _keyframes(seen: Scene) -> np.ndarray:
    """Instants from the first picture to the last, in seconds."""
    return np.linspace(0, seen.seconds - 1 / seen.fps, 8)
