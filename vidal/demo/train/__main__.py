"""`python -m vidal.demo.train [NAME ...]` trains demo checkpoints; `--evaluate` measures the stored ones."""

from __future__ import annotations

import argparse
import time
from importlib import import_module
from pathlib import Path

from vidal.models.checkpoints import DEMO_FOLDER

NAMES = ("clip", "clap", "depth", "srgb-tir", "captioner", "video-captioner")
"""In the order in which they are trained: the captioners begin with what the ones before them learned."""


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m vidal.demo.train", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if none is given")
    parser.add_argument("--evaluate", action="store_true", help="measure the stored checkpoints on held-out scenes")
    parser.add_argument("--clips", type=int, default=256, help="held-out scenes to measure on (default 256)")
    parser.add_argument("--out", type=Path, default=DEMO_FOLDER, help="where the checkpoints are written")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads for training (default 2)")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"unknown name {unknown[0]!r}; the names are: {', '.join(NAMES)}")
    if options.evaluate:
        from vidal.demo.train.evaluate import evaluate, tables

        print(tables(*evaluate(options.clips)))
        return
    import torch

    torch.set_num_threads(options.threads)
    for name in options.names or NAMES:
        folder = options.out / name
        folder.mkdir(parents=True, exist_ok=True)
        print(f"demo:{name}", flush=True)
        begun = time.monotonic()
        import_module(f"vidal.demo.train.{name.replace('-', '_')}").train(folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"  {time.monotonic() - begun:.0f} s, {size / 1e6:.1f} MB in {folder}", flush=True)


if __name__ == "__main__":
    main()
