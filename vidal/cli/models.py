"""`vidal models`."""

from __future__ import annotations

from typing import Any

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, print_json

app = typer.Typer(help="The checkpoints a pipeline needs.", no_args_is_help=True)


def _needed(pipeline: Any, assignments: list[str] | None) -> list[tuple[str, str]]:
    from vidal.pipeline import checkpoints, load_pipeline

    return checkpoints(load_pipeline(pipeline, assignments or []))


@app.command("list")
def list_(
    pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None, json_output: JsonOption = False
) -> None:
    """Name the checkpoints and the roles they play."""
    found = _needed(pipeline, assignments)
    if json_output:
        print_json([{"role": role, "checkpoint": checkpoint} for role, checkpoint in found])
        return
    for role, checkpoint in found:
        typer.echo(f"{role:<16} {checkpoint}")


@app.command()
def check(
    pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None, json_output: JsonOption = False
) -> None:
    """Load every checkpoint and say whether it works. Exit code 1 where one does not."""
    from vidal import models

    results = [(role, name, models.check(role, name)) for role, name in _needed(pipeline, assignments)]
    if json_output:
        print_json([{"role": r, "checkpoint": n, "ok": c.ok, "message": c.message} for r, n, c in results])
    for role, name, result in [] if json_output else results:
        said = f"{result.parameters / 1e6:.2f} M parameters" if result.ok else result.message
        typer.echo(f"{'ok  ' if result.ok else 'FAIL'} {role:<16} {name}: {said}")
    if not all(result.ok for _, _, result in results):
        raise typer.Exit(1)


@app.command()
def fetch(pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None) -> None:
    """Download the checkpoints that are not here yet."""
    from vidal import models

    for role, name in _needed(pipeline, assignments):
        typer.echo(f"{role:<16} {name}: {models.fetch(name)}")
