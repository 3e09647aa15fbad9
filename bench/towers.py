"""How fast towers of full size train on a CUDA device, and what share of its matrix rate that is.

    python bench/towers.py [--presets video-lora depth] [--batches 8 16 32 64 …] [--workers 14] [--steps 6]

Each preset of `pipelines/train` begins from its ViT-L/14 with random weights and trains as the file says (precision,
LoRA, patch dropout, optimizer; one micro-batch a step), through the trainer and the loader of `vidal train`, on shards
of demo scenes of a build's size (short side 256, eight keyframes, eight depth maps):

- `held`: one batch is given over and over, so that the device alone works, for each batch size;
- the fastest of these once more, with torch.compile;
- `shards`: and once more with batches from the shards, decoded and transformed by the workers.

`use` is the share of a plain product of two bfloat16 matrices, measured in the same run, that the operations of a step
reach: those of forward and backward passes, as torch.utils.flop_counter counts them (frozen weights have no gradient,
patches that are left out cost nothing). `waiting` is the share of the time in which the trainer waited for data.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from models import matrix_rate
from torch.utils.flop_counter import FlopCounterMode

from vidal.demo import language
from vidal.demo.render import render
from vidal.demo.scene import scene
from vidal.engine.config import load as load_config
from vidal.engine.errors import VidalError
from vidal.engine.tar import pack
from vidal.media.depth_png import encode_depth
from vidal.media.images import encode_jpeg
from vidal.models.blueprint import drawn
from vidal.models.place import place
from vidal.resources import shipped_root
from vidal.train.config import TrainConfig
from vidal.train.data import Dataset, Loader, text_policy
from vidal.train.data.batches import Batch
from vidal.train.loop.distributed import World
from vidal.train.loop.start import changes
from vidal.train.loop.trainer import Trainer
from vidal.train.modalities import modality
from vidal.train.towers.model import LanguageBind
from vidal.train.towers.open_clip import initialised
from vidal.train.transforms.tokens import Words

SIZES = {"video-lora": (8, 16, 32, 64), "depth": (64, 128, 256, 512)}
"""Batch sizes that are tried of a preset; OTHERS of one that is not named."""
OTHERS = (8, 16, 32, 64, 128)
DISTINCT, SHARDS, SAMPLES = 16, 16, 2048
"""Scenes that are drawn, and the shards and samples that hold them under different keys."""
FRAMES, SIDE = 8, 256
COUNTED = 4
"""Samples of the step whose operations are counted; those of a sample do not depend on the batch."""
WARM = 3
"""Steps before those that are measured."""
HEADING = (
    f"{'preset':<14}{'data':<8}{'compile':<9}{'batch':>6}{'samples/s':>11}{'GFLOP/sample':>14}{'use':>8}{'peak GB':>9}"
    f"{'waiting':>9}"
)


@dataclass(frozen=True)
class Row:
    """What was measured of one preset at one batch size."""

    preset: str
    data: str
    compiled: bool
    batch: int
    flops: float
    rate: float = 0.0
    peak: int = 0
    waiting: float = 0.0

    def line(self, floor: float) -> str:
        """A line of the table, given the floor in operations per second."""
        told = f"{self.preset:<14}{self.data:<8}{'yes' if self.compiled else 'no':<9}{self.batch:>6}{self.rate:>11.1f}"
        used = f"{self.flops / 1e9:>14.1f}{self.rate * self.flops / floor:>8.1%}{self.peak / 1e9:>9.1f}"
        return told + used + f"{self.waiting:>9.1%}"


class Held:
    """One batch, over and over."""

    steps_per_epoch, waited, skipped, position = 1, 0.0, {}, {}

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __iter__(self) -> Iterator[Any]:
        while True:
            yield self._batch


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=list(SIZES))
    parser.add_argument("--batches", type=int, nargs="+", help="the same for all presets")
    parser.add_argument("--workers", type=int, default=14)
    parser.add_argument("--steps", type=int, default=6, help="steps that are measured")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device is visible: towers of full size are not measured")
        return
    where = place("cuda", "bfloat16")
    floor = matrix_rate(where)
    print(f"{torch.cuda.get_device_name(where.device)}: floor {floor / 1e12:.0f} TFLOP/s in bfloat16\n{HEADING}")
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as made:
        synthetic_shards(Path(made))
        for name in options.presets:
            sizes = options.batches or SIZES.get(name, OTHERS)
            for row in sweep(name, preset(name, Path(made)), sizes, options.workers, options.steps):
                print(row.line(floor), flush=True)


def preset(name: str, shards: Path) -> TrainConfig:
    """A preset on these shards, one micro-batch a step, bound to the texts that they have."""
    file = shipped_root() / "pipelines" / "train" / f"{name}.yaml"
    return load_config(TrainConfig, file, [f"data.0.shards={shards}", "text=txt", "accumulate=1", "steps=1000"])


def random_towers(config: TrainConfig) -> LanguageBind:
    """The towers that the preset begins with, had its CLIP random weights."""
    torch.manual_seed(config.seed)
    network = drawn("clip", str(config.start.clip), "cpu", "float32", reach=False).network
    return initialised(network, changes(config, modality(config.modality)))


def sweep(name: str, config: TrainConfig, sizes: Sequence[int], workers: int, steps: int) -> Iterator[Row]:
    """The rows of a preset; a batch that does not fit the memory ends the sizes."""
    model, words = random_towers(config), Words(None, config.text_length)
    examples = next(iter(loader(config, model, words, 0, max(sizes))))
    flops = operations(config, model, Held(cut(examples, COUNTED))) / COUNTED
    rows = []
    for size in sizes:
        try:
            rows.append(
                measured(Row(name, "held", False, size, flops), config, model, Held(cut(examples, size)), steps)
            )
        except torch.cuda.OutOfMemoryError:
            break
        yield rows[-1]
    fastest = max(rows, key=lambda row: row.rate)
    batch = Held(cut(examples, fastest.batch))
    yield measured(replace(fastest, compiled=True), config, model, batch, steps)
    shards = loader(config, model, words, workers, fastest.batch)
    yield measured(replace(fastest, data="shards"), config, model, shards, steps)


def loader(config: TrainConfig, model: LanguageBind, words: Words, workers: int, size: int) -> Loader:
    data = [Dataset(one.shards, one.weight) for one in config.data]
    chosen, vision = modality(config.modality), model.config.vision
    device = torch.device("cuda")
    return Loader(data, chosen, vision, words, text_policy(config.text), size, workers=workers, device=device)


def cut(batch: Batch, size: int) -> Batch:
    """The first samples of a batch."""
    return Batch(**{name: value[:size] for name, value in vars(batch).items()})


def operations(config: TrainConfig, model: LanguageBind, batches: Any) -> float:
    """The floating-point operations of a step."""
    trainer = begun(config, model, batches, compiled=False)
    with FlopCounterMode(display=False) as counter:
        next(trainer.run())
    return float(counter.get_total_flops())


def measured(row: Row, config: TrainConfig, model: LanguageBind, batches: Any, steps: int) -> Row:
    """The row with what was measured: the median step, and what was waited in all."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    trainer = begun(config, model, batches, row.compiled)
    done = list(islice(timed(trainer), WARM, WARM + steps))
    spent = [seconds for seconds, _ in done]
    waiting = sum(waited for _, waited in done) / sum(spent)
    return replace(row, rate=row.batch / median(spent), peak=torch.cuda.max_memory_allocated(), waiting=waiting)


def timed(trainer: Trainer) -> Iterator[tuple[float, float]]:
    """Seconds of each step to the end of its work on the device, and those of them that were waited for data."""
    clock = time.perf_counter()
    for values in trainer.run():
        torch.cuda.synchronize()
        now = time.perf_counter()
        yield now - clock, values["waited"]
        clock = now


def begun(config: TrainConfig, model: LanguageBind, batches: Any, compiled: bool) -> Trainer:
    torch.compiler.reset()
    told = config.model_copy(update={"compile": compiled})
    return Trainer(told, World(0, 1, torch.device("cuda")), deepcopy(model), batches, "bench")


def synthetic_shards(folder: Path) -> None:
    """Shards of demo scenes: eight keyframes, eight depth maps and a caption each."""
    clips = [members(number) for number in range(DISTINCT)]
    for shard in range(SHARDS):
        keys = range(shard, SAMPLES, SHARDS)
        entries = [(f"clip-{key:06d}.{name}", data) for key in keys for name, data in clips[key // SHARDS % DISTINCT]]
        (folder / f"bench-{shard:06d}.tar").write_bytes(pack(entries)[0])


def members(number: int) -> list[tuple[str, bytes]]:
    """The members of a scene's clip."""
    told = scene(0, number)
    found = {"txt": language.caption(told).encode()}
    for frame, instant in enumerate(np.linspace(0.1, told.seconds - 0.1, FRAMES)):
        shown = render(told, float(instant), SIDE)
        found[f"frm{frame}.jpg"] = encode_jpeg(shown.rgb)
        found[f"dep{frame}.png"] = encode_depth(shown.depth_mm)
    return sorted(found.items())


if __name__ == "__main__":
    try:
        main()
    except VidalError as error:
        sys.exit(f"bench/towers.py: {error}")
