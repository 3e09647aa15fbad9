"""`vidal models`."""

from __future__ import annotations

from typing import Any

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, print_json

app = typer.Typer(help="The checkpoints a pipeline needs.", no_args_is_help=True)


def _needed(pipeline: Any, assignments: list[str] | None) -> list[Any]:
    from vidal.pipeline import checkpoints, load_pipeline

    return checkpoints(load_pipeline(pipeline, assignments or []), pipeline.resolve().parent)


@app.command("list")
def list_(
    pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None, json_output: JsonOption = False
) -> None:
    """Name the checkpoints and the roles they play."""
    found = _needed(pipeline, assignments)
    if json_output:
        print_json([{"key": one.key, "role": one.role, "checkpoint": one.name} for one in found])
        return
    for one in found:
        typer.echo(f"{one.role:<16} {one.name}")


@app.command()
def check(
    pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None, json_output: JsonOption = False
) -> None:
    """Load every checkpoint and say whether it works. Exit code 1 where one does not."""
    from vidal import models

    results = [(one, models.check(one.role, one.name, one.options)) for one in _needed(pipeline, assignments)]
    if json_output:
        named = [({"key": one.key, "role": one.role, "checkpoint": one.name}, found) for one, found in results]
        print_json([{**names, "ok": found.ok, "message": found.message} for names, found in named])
    for one, found in [] if json_output else results:
        said = f"{found.parameters / 1e6:.2f} M parameters" if found.ok else f"{one.key}: {found.message}"
        typer.echo(f"{'ok  ' if found.ok else 'FAIL'} {one.role:<16} {one.name}: {said}")
    if not all(found.ok for _, found in results):
        raise typer.Exit(1)


@app.command()
def fetch(pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None) -> None:
    """Download the checkpoints that are not here yet."""
    from vidal import models

    for one in _needed(pipeline, assignments):
        typer.echo(f"{one.role:<16} {one.name}: {models.fetch(one.name)}")
