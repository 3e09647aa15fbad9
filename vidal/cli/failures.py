"""`vidal failures`."""

from __future__ import annotations

from typing import Annotated

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, print_json


def failures(
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    step: Annotated[str | None, typer.Option(help="Only failures of this step.")] = None,
    error_class: Annotated[str | None, typer.Option("--class", help="Only failures of this class.")] = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """List the samples that failed, where, why, and how often they were tried."""
    from collections import Counter
    from dataclasses import asdict

    from vidal.engine.build import Options
    from vidal.engine.errors import ConfigError
    from vidal.project import open_project
    from vidal.status import failures as ledger

    project = open_project(pipeline, assignments or [])
    names = [node.name for node in project.nodes]
    if step not in (None, *names):
        raise ConfigError(f"--step {step}: no such step; steps are {', '.join(names)}")
    rows = [
        row
        for row in ledger(project.build(Options()))
        if step in (None, row.step) and error_class in (None, row.error_class)
    ]
    if json_output:
        print_json([asdict(row) for row in rows])
        return
    for (where, name), count in sorted(Counter((row.step, row.error_class) for row in rows).items()):
        typer.echo(f"{where}  {name}: {count}")
        for row in rows:
            if (row.step, row.error_class) == (where, name):
                typer.echo(f"  {row.id}  tried {row.attempts}×  {row.message}" + (f"  {row.url}" if row.url else ""))
    typer.echo(f"{len(rows)} failed; `vidal build --retry-failed` tries them again" if rows else "no failures")
