"""`vidal submit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidal.cli.options import DEFAULT_PIPELINE, PipelineArgument, SetOption


def submit(
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    address: Annotated[
        str, typer.Option(envvar="RAY_API_SERVER_ADDRESS", help="The cluster's Jobs API.")
    ] = "http://127.0.0.1:8265",
    stage: Annotated[list[str] | None, typer.Option(help="Run this stage only.", metavar="STAGE")] = None,
    runtime_env: Annotated[
        Path | None, typer.Option(help="YAML file with a Ray runtime environment for the job.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the job's output to its end.")] = True,
    status: Annotated[str | None, typer.Option(metavar="JOB", help="Say how this job stands, and do no more.")] = None,
    stop: Annotated[str | None, typer.Option(metavar="JOB", help="Stop this job, and do no more.")] = None,
    assignments: SetOption = None,
) -> None:
    """Run a build as a job on a Ray cluster. The exit code is the job's own."""
    from vidal.engine.jobs import Jobs
    from vidal.pipeline import load_pipeline

    jobs = Jobs(address)
    if status:
        typer.echo(jobs.status(status))
        return
    if stop:
        typer.echo(f"{stop}: {'stopping' if jobs.stop(stop) else 'had ended'}")
        return
    load_pipeline(pipeline, assignments or [])
    arguments = [f"--stage={name}" for name in stage or ()] + [f"--set={value}" for value in assignments or ()]
    job = jobs.submit(pipeline, arguments, _read_environment(runtime_env))
    typer.echo(f"submitted {job}")
    if wait:
        raise typer.Exit(jobs.follow(job, lambda lines: typer.echo(lines, nl=False)))
    typer.echo(f"vidal submit --address {address} --status {job}    how it stands")


def _read_environment(path: Path | None) -> dict:
    import yaml

    from vidal.engine.errors import ConfigError

    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"--runtime-env {path}: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(
            f"--runtime-env {path}: expected a mapping, as Ray's documentation of runtime environments has it"
        )
    return found
