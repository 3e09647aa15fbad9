"""A training in the processes of a Ray cluster, begun again from its newest checkpoint where one of them is lost."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from vidal.engine.errors import ConfigError, VidalError
from vidal.engine.runners.ray import RayRunner
from vidal.train.config import TrainConfig
from vidal.train.data.datasets import Dataset, shards
from vidal.train.loop.progress import say
from vidal.train.modalities import modality

RESTARTS = 3
"""Losses of a worker that a run survives."""


def train_on_ray(config: TrainConfig, workers: int, address: str | None) -> None:
    """Train in `workers` processes, each with a GPU where the cluster has any, from the newest checkpoint on.

    `config.out` must be a folder that all machines see; workers work in the current folder, where their machine has it.
    Raises ConfigError where the cluster has too little, and as `shards` where there is no data, before anything starts.
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
    out = str(Path(config.out).resolve())
    trainer = TorchTrainer(
        _loop,
        train_loop_config={"config": config.model_copy(update={"out": out}).model_dump_json(), "folder": os.getcwd()},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=bool(gpus)),
        run_config=RunConfig(
            name=config.name, storage_path=os.path.join(out, "ray"), failure_config=FailureConfig(max_failures=RESTARTS)
        ),
    )
    try:
        trainer.fit()
    except Exception as error:  # Ray wraps what a worker raised
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise VidalError(f"the training ended in a worker: {reason}") from error


def _loop(settings: dict[str, str]) -> None:
    """What each worker runs; Ray has made the process group."""
    from vidal.train.loop.run import train

    if os.path.isdir(settings["folder"]):  # Ray has moved each worker to a folder of its own
        os.chdir(settings["folder"])
    train(TrainConfig.model_validate_json(settings["config"]))
