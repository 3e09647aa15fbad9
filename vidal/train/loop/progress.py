"""What a training shows: a line on the terminal, a line of JSON for programs, and curves."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Progress:
    """Speaks and writes for the process that leads; in the others it does nothing.

    `metrics.jsonl` holds every point, TensorBoard's curves lie in `curves/`, and where W&B is installed and
    `WANDB_PROJECT` is set the same points go there.
    """

    def __init__(self, folder: Path, leads: bool, steps: int, config: Mapping[str, Any]) -> None:
        self._leads, self._steps = leads, steps
        self._begun, self._first = time.monotonic(), None
        self._live = sys.stderr.isatty()
        if leads:
            from tensorboardX import SummaryWriter

            self._stream = (folder / "metrics.jsonl").open("a", encoding="utf-8")
            self._curves = SummaryWriter(str(folder / "curves"))
            self._wandb = _wandb(folder, config)

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Show and write the numbers after `step` steps."""
        if not self._leads:
            return
        if self._first is None:
            self._first = step - 1
        each = (time.monotonic() - self._begun) / max(1, step - self._first)
        self._say(line(step, self._steps, values, each * (self._steps - step)), step == self._steps)
        self._stream.write(json.dumps({"step": step, **values}) + "\n")
        self._stream.flush()
        for name, value in values.items():
            self._curves.add_scalar(name, value, step)
        if self._wandb:
            self._wandb.log(dict(values), step=step)

    def note(self, text: str) -> None:
        """Say one line that stays."""
        if self._leads:
            print(f"\r{text}" if self._live else text, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._leads:
            self._stream.close()
            self._curves.close()
            if self._wandb:
                self._wandb.finish()

    def _say(self, text: str, last: bool) -> None:
        if self._live:
            print(f"\r\x1b[K{text}", end="\n" if last else "", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)


def line(step: int, steps: int, values: Mapping[str, float], left: float) -> str:
    """One line: where the run is, what it measures, and when it ends."""
    parts = [f"step {step}/{steps}", f"loss {values['loss']:.4f}", f"lr {values['lr']:.2e}"]
    parts += [f"{values['samples_per_second']:.1f} samples/s", f"{values['waiting']:.0%} waiting for data"]
    return ", ".join([*parts, f"{clock(left)} left"])


def clock(seconds: float) -> str:
    """A time as hours and minutes, or minutes and seconds."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s"


def _wandb(folder: Path, config: Mapping[str, Any]) -> Any:
    import os

    if not os.environ.get("WANDB_PROJECT"):
        return None
    try:
        import wandb
    except ImportError:
        return None
    return wandb.init(dir=str(folder), config=dict(config), resume="allow", id=folder.resolve().name)
