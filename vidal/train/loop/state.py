"""Checkpoints of a run: whole or absent, the newest few, and what one must agree with to be resumed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError, MissingError, VidalError

_NAME = re.compile(r"step-(\d{8})\.pt")


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stands after `step` steps.

    `weights` are the trained ones alone, by name: the others are those of the start, whose contents `origin` hashes.
    What is drawn at random follows from the seed and the number of the step, so no generator's state is in it.
    """

    step: int
    origin: str
    weights: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    scaler: Mapping[str, Any]
    position: Mapping[str, Any]


def save(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint under a temporary name, flush it, and rename it; then keep it and the `keep - 1` before it.

    Later ones are those of a run that was left by going on from an earlier checkpoint; they are removed too. VidalError
    where it cannot be written, as on a full disk: those before it stay as they are.
    """
    file = folder / f"step-{checkpoint.step:08d}.pt"
    unfinished = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(unfinished, vars(checkpoint))
        unfinished.replace(file)
    except (OSError, RuntimeError) as error:  # torch says in its own way that a stream takes no more
        unfinished.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or "no more bytes are taken"
        raise VidalError(
            f"{file} cannot be written ({reason}); make room, and the same command goes on from the one before"
        ) from error
    files = stored(folder)
    place = files.index(file)
    for left in files[: max(0, place + 1 - keep)] + files[place + 1 :]:
        left.unlink(missing_ok=True)
    return file


def _write(file: Path, content: Mapping[str, Any]) -> None:
    import torch

    with file.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())


def stored(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the oldest first."""
    return sorted(file for file in folder.glob("step-*.pt") if _NAME.fullmatch(file.name))


def load(file: Path) -> Checkpoint:
    """A stored checkpoint. Raises MissingError or ConfigError, naming the file, where none can be read."""
    import torch

    if not file.is_file():
        raise MissingError(f"{file} does not exist; resume from `auto`, or name a checkpoint of this run")
    try:
        return Checkpoint(**torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises what it likes of a damaged file
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigError(
            f"{file} is no checkpoint of a training ({reason}); remove it and resume from an earlier one"
        ) from error


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint of a run, or None where it has none."""
    files = stored(folder)
    return load(files[-1]) if files else None
