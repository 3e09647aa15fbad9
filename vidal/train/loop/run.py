"""A training from its file to its end: what `vidal train` does, in each process."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError, VidalError
from vidal.train.config import TrainConfig
from vidal.train.loop.distributed import World, world
from vidal.train.loop.progress import Progress, say
from vidal.train.loop.start import Start, start
from vidal.train.loop.state import Checkpoint, load, newest, save
from vidal.train.loop.trainer import Trainer
from vidal.train.modalities import Modality, modality

AUTO = "auto"
CHECKPOINTS, MODEL, RESOLVED = "checkpoints", "model", "train.json"


class StoppedError(VidalError):
    """The run was told to stop; what it has done is stored."""


def train(config: TrainConfig, resume: str = AUTO) -> Path:
    """Train to the end, from the newest checkpoint of `config.out` where there is one, or from the file `resume`.

    Every process of a run calls this. Returns the folder of the trained model, in the published layout. On SIGTERM or
    SIGINT the step under way is ended and stored, and StoppedError raised.
    """
    folder = Path(config.out)
    with world() as here, _stopping() as stopped:
        chosen = modality(config.modality)
        checkpoint = newest(folder / CHECKPOINTS) if resume == AUTO else load(Path(resume))
        begun = start(config, chosen)
        if checkpoint and checkpoint.origin != begun.origin:
            place = f"out: {folder}/{CHECKPOINTS} holds checkpoints" if resume == AUTO else f"{resume} is a checkpoint"
            raise ConfigError(
                f"{place} of another training: start, tower, tuning, modality or seed differ; name another `out`, or "
                "take back what was changed"
            )
        trainer = Trainer(config, here, begun.model, loader(config, chosen, begun, here, checkpoint), begun.origin)
        if checkpoint:
            trainer.resume(checkpoint)
        if here.leads:
            _prepare(folder, config)
        progress = Progress(folder, here.leads, trainer.step, trainer.steps, config.model_dump(mode="json"))
        try:
            _steps(trainer, config, folder, progress, stopped)
            _tell_skipped(trainer, progress)
        finally:
            progress.close()
        if here.leads:
            _write_model(begun, chosen, folder / MODEL)
        here.wait()
    return folder / MODEL


def loader(config: TrainConfig, chosen: Modality, begun: Start, here: World, checkpoint: Checkpoint | None) -> Any:
    """The batches of this process, from where the checkpoint stands."""
    from vidal.train.data.datasets import Dataset
    from vidal.train.data.loader import Loader
    from vidal.train.data.texts import text_policy

    return Loader(
        [Dataset(one.shards, one.weight) for one in config.data],
        chosen,
        begun.model.config.vision,
        begun.words,
        text_policy(config.text, () if config.missing_text == "skip" else ("txt",), config.compat_text),
        config.batch_size,
        seed=config.seed,
        workers=config.workers,
        rank=here.rank,
        world=here.size,
        position=checkpoint.position if checkpoint else None,
        device=here.device,
        say=partial(say, here.leads),
    )


def _steps(trainer: Trainer, config: TrainConfig, folder: Path, progress: Progress, stopped: list[int]) -> None:
    """All steps that are left, with their lines and checkpoints."""
    written = trainer.step
    for values in trainer.run():
        last, halted = trainer.step == trainer.steps, trainer.world.agree(bool(stopped))
        progress.step(trainer.step, values, trainer.step % config.log_every == 0 or last)
        if (trainer.step % config.checkpoints.every == 0 or last or halted) and trainer.step > written:
            _store(trainer, folder, config.checkpoints.keep)
            written = trainer.step
        if halted and not last:
            raise StoppedError(f"stopped and stored after step {trainer.step}")


def _store(trainer: Trainer, folder: Path, keep: int) -> None:
    """Write a checkpoint of all processes: the leader writes, the positions of the others come to it."""
    from vidal.train.data.position import joined

    checkpoint = trainer.checkpoint()
    positions = trainer.world.gathered(checkpoint.position)
    if trainer.world.leads:
        save(folder / CHECKPOINTS, replace(checkpoint, position=joined(positions)), keep)
    trainer.world.wait()


def _tell_skipped(trainer: Trainer, progress: Progress) -> None:
    if skipped := trainer.skipped:
        told = ", ".join(f"{reason} {count}" for reason, count in sorted(skipped.items()))
        progress.note(f"samples left out by this command, by reason: {told}")


def _prepare(folder: Path, config: TrainConfig) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESOLVED).write_text(json.dumps(config.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"out: {folder} cannot be written ({error.strerror}); name another folder") from error


def _write_model(begun: Start, chosen: Modality, folder: Path) -> None:
    from vidal.train.towers.checkpoint import save as save_model
    from vidal.train.towers.config import to_json

    save_model(begun.model, folder, to_json(begun.model.config, chosen.name))
    begun.words.save(folder)


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """A list that is given the number of a signal to stop, while the block runs; the second one interrupts at once."""
    import threading

    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def hear(number: int, _: Any) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
