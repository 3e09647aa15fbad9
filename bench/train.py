"""Each modality of the demo world trained from its preset, and what its tower finds in held-out clips.

    python bench/train.py [--modalities depth video …] [--clips 1000] [--folder FOLDER]

Training and held-out clips are those of two worlds with different seeds, each taken through the whole pipeline; towers
begin from `demo:clip` and are trained as `pipelines/train/demo-*.yaml` says. On 64 held-out clips:

- `top-1`: without training for it, the colour by clips and pictures, the kind of sound by sounds, hot or cold by
  infrared, small or large by depth;
- `object`: which of six objects it is;
- `R@1`: the clip found by its caption. Clips whose captions agree in all that the modality shows cannot be told apart:
  `ceiling` is what a perfect tower would reach.

`start` is the same tower before training. Then: CPU-minutes of the training, samples/s, the share of the time in which
it waited for data, and samples/s of the bare forward and backward pass of the same model on fixed tensors.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from open_clip.loss import ClipLoss

from vidal.demo import language
from vidal.demo.clips import build_world
from vidal.demo.run import KEY_VARIABLE, open_demo
from vidal.demo.scene import BACKGROUNDS, COLOURS, MOTIONS, SHAPES, SIZES, SOUNDS, Scene, scene
from vidal.demo.sites import Sites
from vidal.demo.trouble import Entry, catalogue
from vidal.engine.build import Options
from vidal.engine.config import load as load_config
from vidal.engine.progress import Lines
from vidal.project import run as build
from vidal.resources import shipped_root
from vidal.train.config import TrainConfig
from vidal.train.data import Dataset, Loader, text_policy
from vidal.train.evaluate.classes import accuracies, scores
from vidal.train.evaluate.embedder import unit
from vidal.train.evaluate.ranks import ranks, recalls
from vidal.train.loop.run import train
from vidal.train.loop.start import Start, start
from vidal.train.loop.step import Media, losses
from vidal.train.loop.trainable import choose
from vidal.train.modalities import modality
from vidal.train.towers.checkpoint import load as load_model
from vidal.train.towers.model import LanguageBind

TRAINING, HELD_OUT = 11, 12
"""Seeds of the two worlds; the demo's own checkpoints have seen neither."""
CLIPS, QUERIES = 1000, 64
SPARE = 8
"""Held-out clips beyond those that are asked for, should a rule drop some."""

SHOWN = {
    "video": ("shape", "colour", "size", "motion", "background"),
    "image": ("shape", "colour", "size", "motion", "background"),
    "thermal": ("shape", "colour", "size", "motion", "background"),
    "depth": ("shape", "size", "motion"),
    "audio": ("sound",),
}
"""What of a scene's caption each modality shows. Where the object is, tells its movement apart; its temperature, its
colour; that of the floor, the floor. Depth shows neither."""
WARMTH = (("red", "orange", "yellow"), ("green", "blue"))
"""Colours of what is hot, 46 to 62 degrees, and of what is cold, 0 to 8 degrees; the others are in between."""
PRESETS = {"thermal": "infrared"}


@dataclass(frozen=True)
class Found:
    """Of held-out clips, in per cent."""

    top: float
    object: float
    recall: float


@dataclass(frozen=True)
class Row:
    """What was measured of one modality."""

    modality: str
    start: Found
    trained: Found
    ceiling: float
    minutes: float
    rate: float
    waiting: float
    floor: float
    text_unchanged: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modalities", nargs="+", default=list(SHOWN), choices=list(SHOWN))
    parser.add_argument("--clips", type=int, default=CLIPS, help="good clips of the world that is trained on")
    parser.add_argument("--folder", type=Path, help="where worlds, datasets and runs are kept, and found again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as made:
        folder = options.folder or Path(made)
        places = datasets(folder, options.clips)
        print(HEADING)
        for name in options.modalities:
            print(line(measured(name, *places, folder / "runs")), flush=True)


HEADING = (
    f"{'modality':<10}{'top-1':>7}{'start':>7}{'object':>8}{'start':>7}{'R@1':>7}{'start':>7}{'ceiling':>9}"
    f"{'CPU min':>9}{'samples/s':>11}{'waiting':>9}{'bare':>8}  text tower"
)


def line(row: Row) -> str:
    """A row of the table."""
    found = f"{row.trained.top:>7.1f}{row.start.top:>7.1f}{row.trained.object:>8.1f}{row.start.object:>7.1f}"
    found += f"{row.trained.recall:>7.1f}{row.start.recall:>7.1f}"
    speed = f"{row.minutes:>9.1f}{row.rate:>11.1f}{row.waiting:>9.0%}{row.floor:>8.1f}"
    return f"{row.modality:<10}{found}{row.ceiling:>9.1f}{speed}  {'unchanged' if row.text_unchanged else 'CHANGED'}"


def datasets(folder: Path, clips: int) -> tuple[Path, Path]:
    """The shards to train on and the held-out ones, built by the pipeline where they are not there yet."""
    return dataset(folder / "train", TRAINING, clips), dataset(folder / "held-out", HELD_OUT, QUERIES + SPARE)


def dataset(workspace: Path, seed: int, clips: int) -> Path:
    """The shards of a world's good clips and sounds."""
    world = workspace.with_name(f"{workspace.name}-world")
    entries = [entry for entry in build_world(world, seed, clips) if entry.trouble is None]
    os.environ.setdefault(KEY_VARIABLE, "demo")
    with Sites(world, entries) as sites:
        project = open_demo(
            str(workspace),
            sites.base_url,
            ["runner.kind=local", "shard.samples=64", "harvest.sources.0.results=1000"],
        )
        build(project, Options(), Lines(print))
    return workspace / "shards"


def measured(name: str, training: Path, held_out: Path, runs: Path) -> Row:
    """A modality trained by its preset, and what it finds before and after."""
    config = preset(name, training, runs)
    begun = start(config, modality(name))
    text = {n: weight.clone() for n, weight in begun.model.state_dict().items() if n.startswith("text_")}
    keys, pixels = clips(config, begun, held_out)
    before = found(name, begun, begun.model.eval(), keys, pixels)
    clock = time.process_time()
    folder = train(config)
    minutes = (time.process_time() - clock) / 60
    model = load_model(folder)
    points = [json.loads(one) for one in (folder.parent / "metrics.jsonl").read_text().splitlines()]
    trained = model.state_dict()
    return Row(
        name,
        before,
        found(name, begun, model, keys, pixels),
        ceiling(name, [scene_of(key) for key in keys]),
        minutes,
        float(np.mean([point["samples_per_second"] for point in points])),
        float(np.mean([point["waiting"] for point in points])),
        bare(config, begun.model, pixels),
        all(torch.equal(trained[n], weight) for n, weight in text.items()),
    )


def preset(name: str, shards: Path, runs: Path) -> TrainConfig:
    """The preset of the demo for a modality, on these shards."""
    file = shipped_root() / "pipelines" / "train" / f"demo-{PRESETS.get(name, name)}.yaml"
    return load_config(TrainConfig, file, [f"data.0.shards={shards}", f"out={runs / name}"])


def clips(config: TrainConfig, begun: Start, held_out: Path) -> tuple[list[str], torch.Tensor]:
    """The keys and the pixels of the held-out clips."""
    policy = text_policy("txt")
    loader = Loader(
        [Dataset(str(held_out))], modality(config.modality), begun.model.config.vision, begun.words, policy, QUERIES,
        train=False,
    )  # fmt: skip
    batch = next(iter(loader))
    return list(batch.keys), batch.pixels


def found(name: str, begun: Start, model: LanguageBind, keys: Sequence[str], pixels: torch.Tensor) -> Found:
    """What a model finds in the held-out clips."""

    def texts(told: Sequence[str]) -> np.ndarray:
        with torch.no_grad():
            return unit(model.encode_text(*begun.words.ids(told)).numpy())

    shown = [scene_of(key) for key in keys]
    with torch.no_grad():
        media = unit(model.encode(pixels).numpy())

    def top(asked: str) -> float:
        named = np.stack([unit(texts(one).mean(0, keepdims=True))[0] for one in prompts(asked)])
        judged = [place for place, one in enumerate(shown) if label(asked, one) is not None]
        return accuracies(scores(media[judged], named), [label(asked, shown[place]) for place in judged])["top-1"]

    own = range(len(keys))
    told = texts([caption(name, one) for one in shown])
    objects = float("nan") if name == "audio" else top(OBJECT)
    return Found(top(name), objects, recalls(ranks(told, media, own, own))["R@1"])


@cache
def held_out_entries() -> dict[str, Entry]:
    return {entry.id: entry for entry in catalogue(HELD_OUT, QUERIES + SPARE)}


def scene_of(key: str) -> Scene:
    """The truth of a held-out clip."""
    return held_out_entries()[key.partition("_")[2]].scene


def caption(name: str, scene: Scene) -> str:
    return language.sound_caption(scene) if name == "audio" else language.caption(scene)


def prompts(name: str) -> list[list[str]]:
    """What names each kind: the captions of all scenes of that kind."""
    if name == "audio":
        return [[prompt] for prompt in language.sound_prompts()]
    example, told = scene(HELD_OUT, 0), {}
    for shape, size, colour, motion, background in product(SHAPES, SIZES, COLOURS, MOTIONS, BACKGROUNDS):
        one = replace(example, shape=shape, size=size, colour=colour, motion=motion, background=background)
        told.setdefault(label(name, one), []).append(language.caption(one))
    return [told[kind] for kind in sorted(kind for kind in told if kind is not None)]


OBJECT = "object"


def label(name: str, scene: Scene) -> int | None:
    """The number of a scene's kind, of those that a modality is asked for, or of its object; None where it is of no
    kind."""
    if name == OBJECT:
        return SHAPES.index(scene.shape)
    if name == "thermal":
        return next((place for place, colours in enumerate(WARMTH) if scene.colour in colours), None)
    kinds, own = {"audio": (SOUNDS, scene.sound), "depth": (SIZES, scene.size)}.get(name, (COLOURS, scene.colour))
    return kinds.index(own)


def ceiling(name: str, shown: Sequence[Scene]) -> float:
    """R@1 in per cent of a tower that sees all that its modality shows, and guesses among what looks alike."""
    seen = [tuple(getattr(one, field) for field in SHOWN[name]) for one in shown]
    alike = Counter(seen)
    return 100 * float(np.mean([1 / alike[one] for one in seen]))


def bare(config: TrainConfig, model: LanguageBind, pixels: torch.Tensor) -> float:
    """Samples per second of forward and backward on one batch that is there already; the best of five."""
    choose(model.train(), config.tuning)
    some = pixels[: config.batch_size]
    ids = torch.randint(1, 100, (len(some), config.text_length))
    batch, best = Media(some, ids, torch.ones_like(ids)), 0.0
    for _ in range(5):
        clock = time.perf_counter()
        losses(model, ClipLoss(), [batch], torch.Tensor.backward)
        best = max(best, len(some) / (time.perf_counter() - clock))
    return best


if __name__ == "__main__":
    main()
