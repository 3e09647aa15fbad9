"""The Ray runner: Ray Data over unit descriptors, on this machine or a cluster. Only references travel."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.engine.runners import WORKER_ENVIRONMENT, Handler, portable, work_error
from vidal.engine.step import Resources

OBJECT_STORE_BYTES = 256 * 2**20
"""Descriptors and reports are all that lies in the object store; Ray's default takes 30 % of the memory."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_LOGGING_CONFIG": str(Path(__file__).with_name("ray_logging.yaml")),
}
"""No usage reports, no log flood on the terminal; the run record and Ray's own log files tell what happened."""


class RayRunner:
    """Starts Ray once, at the first run: a quiet local instance, or a client of the cluster at `address`.

    Ray Data gives a unit whose worker died to another worker, without end; the handler ends it, by its claim on the
    unit, which makes the third try an isolated one (`vidal.engine.worker`).
    """

    name = "ray"

    def __init__(self, address: str | None = None, cpus: int | None = None) -> None:
        self.address = address
        self.cpus = cpus
        self._started = False

    def run(self, handler: Handler, units: Sequence[Any], resources: Resources) -> Iterator[Any]:
        if not units:
            return
        self.start()
        import ray
        from ray import cloudpickle

        size, gpus = self._workers(handler.name, resources, len(units))
        packed = cloudpickle.dumps(handler)
        common: dict[str, Any] = {"batch_size": 1, "num_cpus": resources.cpus, "num_gpus": gpus}
        dataset = ray.data.from_items(
            [{"unit": cloudpickle.dumps(unit)} for unit in units], override_num_blocks=len(units)
        )
        if resources.actor:
            dataset = dataset.map_batches(
                _Actor,
                fn_constructor_args=(packed,),
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=size, initial_size=size),
                **common,
            )
        else:
            dataset = dataset.map_batches(_task, fn_args=(packed,), compute=ray.data.TaskPoolStrategy(size), **common)
        for row in dataset.iter_rows():
            answer, error, unit = cloudpickle.loads(row["report"])
            if error is not None:
                raise work_error(handler, unit, error)
            yield answer

    def close(self) -> None:
        if self._started:
            import ray

            ray.shutdown()
            self._started = False

    def start(self) -> None:
        """Connect to the cluster, or start an instance of one's own; ConfigError where neither can be had."""
        if self._started:
            return
        os.environ.setdefault("RAY_AUTH_MODE", "token" if self.address else "disabled")
        os.environ.update(QUIET)
        import ray

        quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
        environment = {"env_vars": WORKER_ENVIRONMENT}
        where: dict[str, Any] = {"address": self.address} if self.address else self._own_instance()
        try:
            with _silent_stderr():
                ray.init(**where, **quiet, runtime_env=environment)
        except (ConnectionError, RuntimeError, ValueError) as error:
            line = str(error).strip().splitlines()[0]
            raise ConfigError(f"Ray does not start ({line}); check --address") from error
        self._started = True
        ray.data.DataContext.get_current().enable_progress_bars = False

    def _own_instance(self) -> dict[str, Any]:
        cpus = self.cpus or os.cpu_count()
        return {
            "address": "local",
            "num_cpus": cpus,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }

    def _workers(self, name: str, resources: Resources, units: int) -> tuple[int, float]:
        """How many workers fit the cluster, and the GPU share of each. GPUs are used where there are any."""
        import ray

        total = ray.cluster_resources()
        cpus, accelerators = total.get("CPU", 0.0), total.get("GPU", 0.0)
        gpus = resources.gpus if accelerators else 0.0
        fit = math.floor(cpus / resources.cpus) if resources.cpus else units
        if gpus:
            fit = min(fit, math.floor(accelerators / gpus))
        asked = resources.workers or fit
        if fit < 1 or asked > fit:
            raise ConfigError(
                f"{name}: {max(asked, 1)} workers × {resources.cpus:g} CPUs, {gpus:g} GPUs do not fit the cluster's "
                f"{cpus:g} CPUs, {accelerators:g} GPUs; lower resources.{name} in the pipeline file"
            )
        return min(asked, units), gpus


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Ray's native code announces the log level it was given, on the file descriptor; errors come as exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _Actor:
    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._handler: Handler | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"report": [_answer(self._ready, unit) for unit in batch["unit"]]}

    def _ready(self) -> Handler:
        if self._handler is None:
            from ray import cloudpickle

            handler = cloudpickle.loads(self._packed)
            handler.setup()
            self._handler = handler
        return self._handler


def _task(batch: dict[str, Any], packed: bytes) -> dict[str, Any]:
    return _Actor(packed)(batch)


def _answer(ready: Any, packed_unit: bytes) -> bytes:
    """The handler's answer, or its exception, with the unit: errors travel as data, so no block is lost."""
    from ray import cloudpickle

    unit = cloudpickle.loads(packed_unit)
    try:
        return cloudpickle.dumps((ready()(unit), None, unit))
    except Exception as error:
        return cloudpickle.dumps((None, portable(error), unit))
