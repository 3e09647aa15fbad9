"""`vidal status`."""

from __future__ import annotations

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, console, print_json


def status(
    pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None, json_output: JsonOption = False
) -> None:
    """Show how far a build is: per step its state, and what is wanted, pending, ok, rejected and failed.

    States: done; pending, where there is work; stale, where what there is was made under other settings or of other
    inputs; waiting, for earlier steps. `stale` counts pieces of other settings; `vidal clean` removes them.
    """
    from dataclasses import asdict

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from vidal.engine.build import Options
    from vidal.project import open_project
    from vidal.status import step_statuses

    project = open_project(pipeline, assignments or [])
    found = list(step_statuses(project.build(Options())))
    if json_output:
        print_json([asdict(step) for step in found])
        return
    title = f"{project.pipeline.name} in {project.workspace.url}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("step", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for heading in ("wanted", "pending", "ok", "rejected", "failed", "stale"):
        table.add_column(heading, justify="right")
    for step in found:
        counts = [step.statuses.get(name, 0) if step.statuses else None for name in ("ok", "rejected", "failed")]
        told = ["–" if value is None else str(value) for value in (step.wanted, step.pending, *counts)]
        table.add_row(step.step, step.state, *told, str(step.stale))
    console().print(table)
    for line in (line for step in found for line in step.forecast):
        console().print(line, highlight=False)
