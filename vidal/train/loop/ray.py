"""A training in the processes of a Ray cluster, begun again from its newest checkpoint where one of them is lost."""

from __future__ import annotations

import json
import os
import uuid
from functools import partial
from pathlib import Path

from vidal.engine.errors import ConfigError, VidalError
from vidal.engine.runners.ray import RayRunner
from vidal.train.config import TrainConfig
from vidal.train.data.datasets import Dataset, shards
from vidal.train.loop.follow import Following
from vidal.train.loop.progress import say
from vidal.train.modalities import modality

RESTARTS = 3
"""Losses of a worker that a run survives."""


def train_on_ray(config: TrainConfig, workers: int, address: str | None) -> None:
    """Train in `workers` processes, each with a GPU where the cluster has any, from the newest checkpoint on.

    `config.out` must be a folder that all machines see; workers work in the current folder, where their machine has it.
    Raises ConfigError where the cluster has too little, and as `shards` where there is no data, before anything starts;
    and what a worker raises that the next one would raise again, such as a ConfigError.
    """
    for one in config.data:
        shards(Dataset(one.shards, one.weight), modality(config.modality), partial(say, True))
    runner = RayRunner(address)
    runner.start()
    try:
        _fit(config, workers)
    finally:
        runner.close()


def _fit(config: TrainConfig, workers: int) -> None:
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    resources = ray.cluster_resources()
    gpus, cpus = resources.get("GPU", 0), resources.get("CPU", 0)
    if (gpus or cpus) < workers:
        kind, there = ("GPUs", gpus) if gpus else ("CPUs", cpus)
        raise ConfigError(f"--workers {workers}: the cluster has {there:g} {kind}")
    out = Path(config.out).resolve()
    refusal = out / "ray" / f"{uuid.uuid4().hex}.json"
    settings = {"config": config.model_copy(update={"out": str(out)}).model_dump_json(), "folder": os.getcwd()}
    trainer = TorchTrainer(
        _loop,
        train_loop_config={**settings, "refusal": str(refusal)},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=bool(gpus)),
        run_config=RunConfig(
            name=config.name, storage_path=str(out / "ray"), failure_config=FailureConfig(max_failures=RESTARTS)
        ),
    )
    try:
        with Following(out):
            trainer.fit()
    except Exception as error:  # Ray wraps what a worker raised
        if refusal.exists():
            raise _refused(refusal) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise VidalError(f"the training ended in a worker: {reason}") from error
    finally:
        refusal.unlink(missing_ok=True)


def _loop(settings: dict[str, str]) -> None:
    """What each worker runs; Ray has made the process group. Ray begins again after whatever a worker raises: what
    would not end otherwise is left in a file, and the next attempt says it at once."""
    from vidal.train.loop.run import train
    from vidal.train.loop.trainer import DivergedError

    refusal = Path(settings["refusal"])
    if refusal.exists():
        raise _refused(refusal)
    if os.path.isdir(settings["folder"]):  # Ray has moved each worker to a folder of its own
        os.chdir(settings["folder"])
    try:
        train(TrainConfig.model_validate_json(settings["config"]))
    except (ConfigError, DivergedError) as error:
        _write(refusal, error)
        raise


def _write(refusal: Path, error: VidalError) -> None:
    refusal.parent.mkdir(parents=True, exist_ok=True)
    unfinished = refusal.with_suffix(f".{uuid.uuid4().hex}.tmp")
    unfinished.write_text(
        json.dumps({"config": isinstance(error, ConfigError), "message": str(error)}), encoding="utf-8"
    )
    unfinished.replace(refusal)


def _refused(refusal: Path) -> VidalError:
    """What a worker said, as it said it."""
    told = json.loads(refusal.read_text(encoding="utf-8"))
    return (ConfigError if told["config"] else VidalError)(told["message"])
