"""How fast each role's model is, by batch size, and what share of the machine's matrix rate that is.

python bench/models.py [--device auto] [--dtype auto] [--batches 1 2 4 8 16] [--full depth=vinvino02/glpn-nyu ...]

On the CPU: every role that the demo has a checkpoint of, on the one thread that models have there. On a CUDA device
also architectures of full size with random weights (`--full` names others): these write answers of a fixed length, so
that tokens can be told. An item is a keyframe, a sound of ten seconds, or a clip of eight keyframes with its hints, and
the time is that of the whole call, preparation included. The floor is the rate of a plain product of two matrices in
the same precision, measured in the same run; a model's share is the floating-point operations of its products and
convolutions, as torch.utils.flop_counter counts them, in a second, over that rate.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from vidal import models
from vidal.engine.errors import VidalError
from vidal.models.blueprint import drawn
from vidal.models.exercise import exercise
from vidal.models.place import Place, place
from vidal.models.trials import ANSWER, shortened

DEMO = {
    "clip": "demo:clip",
    "clap": "demo:clap",
    "depth": "demo:depth",
    "infrared": "demo:srgb-tir",
    "captioner": "demo:captioner",
    "video_captioner": "demo:video-captioner",
}
FULL = (
    "depth=vinvino02/glpn-nyu",
    "depth=Intel/dpt-large",
    "infrared=sRGB-TIR",
    "captioner=OFA-Sys/ofa-large",
    "video_captioner=MAGAer13/mplug-owl-llama-7b-video",
)
SIDE = {"cpu": 1024, "cuda": 8192}
"""Rows of the square matrices of the floor: large enough that their products are bound by arithmetic."""
LONG = 1.0
"""Seconds that each measurement lasts at least."""
HEADING = f"{'':34}{'batch':>6}{'items/s':>10}{'tokens/s':>10}{'GFLOP/item':>12}{'share':>8}{'peak GB':>9}"


@dataclass(frozen=True)
class Row:
    """A model at one batch size. `flops` are those of an item; `tokens` in a second and `peak` bytes None where there
    is nothing to tell."""

    batch: int
    items: float
    flops: float
    tokens: float | None = None
    peak: int | None = None

    def line(self, name: str, floor: float) -> str:
        """A line of the table, given the floor in operations per second."""
        tokens = "–" if self.tokens is None else f"{self.tokens:.1f}"
        peak = "–" if self.peak is None else f"{self.peak / 1e9:.2f}"
        share = self.items * self.flops / floor
        return f"{name:34}{self.batch:6}{self.items:10.2f}{tokens:>10}{self.flops / 1e9:12.2f}{share:8.1%}{peak:>9}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--full", nargs="+", metavar="ROLE=CHECKPOINT")
    options = parser.parse_args()
    cpu = place("cpu")
    print(f"demo checkpoints on the CPU, {told(cpu)}")
    loaders = {f"{role} {name}": (role, loader(role, name)) for role, name in DEMO.items()}
    show(loaders, cpu, options.batches)
    where = place(options.device, options.dtype)
    if where.device.type == "cpu" and not options.full:
        print("\nno CUDA device is visible: nothing of full size is measured")
        return
    print(f"\nfull size, random weights, answers of {ANSWER} tokens, on {name_of(where.device)}, {told(where)}")
    pairs = [one.partition("=") for one in options.full or FULL]
    show({name: (role, outlined(role, name, where)) for role, _, name in pairs}, where, options.batches)


def show(loaders: dict[str, tuple[str, Callable[[], Any]]], where: Place, batches: Sequence[int]) -> None:
    """The floor, then the lines of each model, loaded when its turn comes and freed after it."""
    floor = matrix_rate(where)
    print(f"floor: {floor / 1e9:.1f} GFLOP/s in a product of matrices of {SIDE[where.device.type]} rows\n{HEADING}")
    for name, (role, load) in loaders.items():
        try:
            model = load()
            for row in sweep(role, model, batches):
                print(row.line(name[:34], floor), flush=True)
        except torch.cuda.OutOfMemoryError:
            print(f"{name[:34]:34} more does not fit the memory", flush=True)
        model = None
        if where.device.type == "cuda":
            torch.cuda.empty_cache()


def loader(role: str, checkpoint: str) -> Callable[[], Any]:
    """What loads a checkpoint on the CPU."""
    return lambda: models.load(role, checkpoint, device="cpu")


def outlined(role: str, checkpoint: str, where: Place) -> Callable[[], Any]:
    """What builds an architecture with random weights whose answers have a fixed length."""

    def load() -> Any:
        dtype = str(where.dtype).removeprefix("torch.")
        model = shortened(drawn(role, checkpoint, str(where.device), dtype, reach=False))
        for part in writers(model.network):
            part.generation_config.min_new_tokens = ANSWER
        return model

    return load


def writers(network: Any) -> list[Any]:
    """The parts of a network that write texts, one token in each pass."""
    return [part for part in network.modules() if getattr(part, "generation_config", None)]


def sweep(role: str, model: Any, batches: Sequence[int]) -> Iterator[Row]:
    """A row for each batch size. Tokens are told of random weights, whose answers have one length."""
    run, cuda = exercise(role).run, model.place.device.type == "cuda"
    length = tokens(model, run) if model.place.weights == "random" else 0
    for size in batches:
        sized = replace(model, place=replace(model.place, batch=size))
        operations = counted(lambda sized=sized, size=size: run(sized, size))
        if cuda:
            torch.cuda.reset_peak_memory_stats(model.place.device)
        items = size / seconds(lambda sized=sized, size=size: run(sized, size))
        peak = torch.cuda.max_memory_allocated(model.place.device) if cuda else None
        yield Row(size, items, operations / size, items * length if length else None, peak)


def tokens(model: Any, run: Callable[[Any, int], Any]) -> int:
    """How many tokens a model writes for one item: the passes through the part that writes."""
    parts = writers(model.network)
    passes = dict.fromkeys(range(len(parts)), 0)

    def heard(number: int) -> Callable[..., None]:
        def count(*_: Any) -> None:
            passes[number] += 1

        return count

    hooks = [part.register_forward_hook(heard(number)) for number, part in enumerate(parts)]
    try:
        run(replace(model, place=replace(model.place, batch=1)), 1)
    finally:
        for hook in hooks:
            hook.remove()
    return max(passes.values(), default=0)


def counted(work: Callable[[], Any]) -> float:
    """The floating-point operations of some work. Fused attention of encoders, which the counter does not know, is
    taken apart for it."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter:
            work()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return float(counter.get_total_flops())


def seconds(work: Callable[[], Any], least: float = LONG) -> float:
    """Mean seconds of some work that ends with numbers on the CPU: done once before, then until `least` is over."""
    work()
    started, rounds = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < least or not rounds:
        work()
        rounds += 1
    return spent / rounds


def matrix_rate(where: Place) -> float:
    """Floating-point operations per second in products of square matrices, the best of five."""
    side = SIDE[where.device.type]
    a, b = (torch.randn(side, side, device=where.device).to(where.dtype) for _ in range(2))

    def multiply() -> None:
        product = a @ b
        product[0, 0].item()

    return 2 * side**3 / min(seconds(multiply, LONG / 5) for _ in range(5))


def told(where: Place) -> str:
    """Precision and threads of a place, in words."""
    threads = f", {torch.get_num_threads()} thread" if where.device.type == "cpu" else ""
    return str(where.dtype).removeprefix("torch.") + threads


def name_of(device: Any) -> str:
    """What the device calls itself."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


if __name__ == "__main__":
    try:
        main()
    except VidalError as error:
        sys.exit(f"bench/models.py: {error}")
