"""What a training shows: a line on the terminal, a line of JSON for programs, and curves."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError

METRICS, CURVES = "metrics.jsonl", "curves"


class Progress:
    """Speaks and writes for the process that leads; in the others it does nothing.

    `metrics.jsonl` holds every point, TensorBoard's curves lie in `curves/`, and where W&B is installed and
    `WANDB_PROJECT` is set the same points go there. Points after the step `done`, which a run goes on from, are those
    of work that was lost, and are taken out.
    """

    def __init__(self, folder: Path, leads: bool, done: int, steps: int, config: Mapping[str, Any]) -> None:
        self._leads, self._done, self._steps = leads, done, steps
        self._begun, self._since = time.monotonic(), _Sums()
        if leads:
            from tensorboardX import SummaryWriter

            self._stream = _opened(folder / METRICS, done)
            self._curves = SummaryWriter(str(folder / CURVES), purge_step=done + 1)
            self._wandb = self._opened_wandb(folder, config)

    def step(self, step: int, values: Mapping[str, float], shown: bool) -> None:
        """Take the numbers after `step` steps, as `Trainer.run` gives them, and show and write them where `shown`, with
        rates since the last that were."""
        self._since.add(values)
        if not self._leads or not shown:
            return
        curves = {**{name: values[name] for name in ("loss", "lr", "scale")}, **self._since.rates()}
        self._since = _Sums()
        each = (time.monotonic() - self._begun) / (step - self._done)
        point = {"step": step, "steps": self._steps, "seconds_left": each * (self._steps - step), **curves}
        show(point)
        self._stream.write(json.dumps(point) + "\n")
        self._stream.flush()
        for name, value in curves.items():
            self._curves.add_scalar(name, value, step)
        if self._wandb:
            self._wandb.log(curves, step=step)

    def note(self, text: str) -> None:
        """Say one line that stays."""
        if self._leads:
            print(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._leads:
            self._stream.close()
            self._curves.close()
            if self._wandb:
                self._wandb.finish()

    def _opened_wandb(self, folder: Path, config: Mapping[str, Any]) -> Any:
        if not os.environ.get("WANDB_PROJECT"):
            return None
        try:
            import wandb
        except ImportError:
            self.note("WANDB_PROJECT is set, but wandb is not installed; the curves are TensorBoard's alone")
            return None
        return wandb.init(dir=str(folder), config=dict(config), resume="allow", id=folder.resolve().name)


def say(leads: bool, text: str) -> None:
    """One line before the first step, from the process that leads."""
    if leads:
        print(text, file=sys.stderr, flush=True)


@dataclass
class _Sums:
    """What steps took."""

    samples: float = 0
    seconds: float = 0
    waited: float = 0

    def add(self, values: Mapping[str, float]) -> None:
        self.samples += values["samples"]
        self.seconds += values["seconds"]
        self.waited += values["waited"]

    def rates(self) -> dict[str, float]:
        return {"samples_per_second": self.samples / self.seconds, "waiting": self.waited / self.seconds}


def show(point: Mapping[str, float]) -> None:
    """The line of a point, which on a terminal takes the place of the one before."""
    if sys.stderr.isatty():
        end = "\n" if point["step"] == point["steps"] else ""
        print(f"\r\x1b[K{line(point)}", end=end, file=sys.stderr, flush=True)
    else:
        print(line(point), file=sys.stderr, flush=True)


def line(point: Mapping[str, float]) -> str:
    """One line: where the run is, what it measures, and when it ends."""
    parts = [f"step {point['step']}/{point['steps']}", f"loss {point['loss']:.4f}", f"lr {point['lr']:.2e}"]
    parts += [f"{point['samples_per_second']:.1f} samples/s", f"{point['waiting']:.0%} waiting for data"]
    return ", ".join([*parts, f"{clock(point['seconds_left'])} left"])


def clock(seconds: float) -> str:
    """A time as hours and minutes, or minutes and seconds."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s"


def _opened(file: Path, done: int) -> Any:
    """The points up to the step `done`, to be written on. ConfigError for a file with other content."""
    try:
        kept = [one for one in _lines(file) if json.loads(one)["step"] <= done]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file} holds a line that is no point of a curve; remove the file") from error
    unfinished = file.with_name(f"{file.name}.tmp")
    unfinished.write_text("".join(kept), encoding="utf-8")
    unfinished.replace(file)
    return file.open("a", encoding="utf-8")


def _lines(file: Path) -> list[str]:
    """Whole lines: a process that is killed may leave a piece of one at the end."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [one for one in text.splitlines(keepends=True) if one.endswith("\n")]
