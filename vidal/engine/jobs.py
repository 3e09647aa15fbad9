"""Builds as jobs of a Ray cluster, over its Jobs API."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError, MissingError


class Jobs:
    """The Jobs API of the cluster at `address` (`http://HOST:8265`)."""

    def __init__(self, address: str) -> None:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        from ray.job_submission import JobSubmissionClient

        logging.getLogger("ray").setLevel(logging.WARNING)
        try:
            self._client = JobSubmissionClient(address)
        except (ConnectionError, RuntimeError) as error:
            line = str(error).strip().splitlines()[0]
            raise ConfigError(f"no Ray Jobs API at {address} ({line}); check --address") from error

    def submit(self, pipeline: Path, arguments: Sequence[str], runtime_env: dict[str, Any]) -> str:
        """Start `vidal build` on the cluster; the pipeline file's folder travels along. Returns the job's id.

        The `python` found first on the cluster's PATH must have vidal, unless the runtime environment brings it.
        """
        command = ["python", "-m", "vidal", "build", pipeline.name, "--address", "auto", *arguments]
        environment = {"working_dir": str(pipeline.resolve().parent), **runtime_env}
        return self._client.submit_job(entrypoint=shlex.join(command), runtime_env=environment)

    def follow(self, job: str, write: Callable[[str], None]) -> int:
        """Pass on the job's output until it ends; the exit code of its command."""

        async def tail() -> None:
            async for lines in self._client.tail_job_logs(job):
                write(lines)

        asyncio.run(tail())
        return self.exit_code(job)

    def exit_code(self, job: str) -> int:
        """The exit code of an ended job: its command's own, or 1 where it was stopped or never ran."""
        info = self._info(job)
        if info.status == "SUCCEEDED":
            return 0
        return info.driver_exit_code or 1

    def status(self, job: str) -> str:
        """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED, and the cluster's message."""
        info = self._info(job)
        return f"{info.status}: {info.message}" if info.message else str(info.status)

    def stop(self, job: str) -> bool:
        """Ask a running job to stop; False where it had ended."""
        self._info(job)
        return self._client.stop_job(job)

    def _info(self, job: str) -> Any:
        try:
            return self._client.get_job_info(job)
        except RuntimeError as error:
            raise MissingError(f"the cluster knows no job {job!r}") from error
