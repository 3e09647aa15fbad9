"""`vidal filter`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, console, print_json

app = typer.Typer(help="What the filter's rules do to the samples.", no_args_is_help=True)


@app.command()
def explain(
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    key: Annotated[
        str | None, typer.Option(metavar="ID", help="Say why this sample is kept or dropped, with its scores.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a page with all this and the samples at each threshold."),
    ] = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say what the rules of a pipeline file, as they stand now, would do to the scores of its workspace.

    How many samples each rule drops, how the rules overlap, where their thresholds lie among the scores. Builds nothing
    and loads no model.
    """
    from vidal.engine.build import Options
    from vidal.engine.errors import ConfigError
    from vidal.filter.explain import records, terminal
    from vidal.filter.explain.current import committed, scored
    from vidal.filter.explain.explanation import explain as explained
    from vidal.filter.explain.reasons import reason
    from vidal.project import open_project

    if key and report:
        raise ConfigError("--report is of all samples and --key of one; give one of them")
    project = open_project(pipeline, assignments or [], ["filter"])
    build = project.build(Options())
    table = scored(build, lambda stages: _build_command(pipeline, stages, assignments or []))
    rules = project.pipeline.filter.rules
    if key:
        found = reason(build, table, rules, key)
        if json_output:
            print_json(records.reason_record(found))
        else:
            console().print(terminal.reason(found))
        return
    explanation = explained(table, rules, committed(build))
    written = _write_page(report, project, build, explanation) if report else None
    if json_output:
        print_json({**records.explanation_record(explanation), "report": str(written) if written else None})
        return
    console().print(terminal.explanation(explanation))
    if written:
        typer.echo(f"\n{written}: the same with the samples nearest to each threshold")
    elif explanation.axes:
        typer.echo(
            "\n--report FOLDER writes a page with the samples nearest to each threshold; --key ID tells of one sample"
        )


def _build_command(pipeline: Path, stages: Iterable[str], assignments: list[str]) -> str:
    """What a user types to build stages of the same pipeline file."""
    import shlex

    chosen = [word for stage in stages for word in ("--stage", stage)]
    settings = [word for pair in assignments for word in ("--set", pair)]
    file = [] if pipeline == DEFAULT_PIPELINE else [str(pipeline)]
    return shlex.join(["vidal", "build", *file, *chosen, *settings])


def _write_page(folder: Path, project: Any, build: Any, explanation: Any) -> Path:
    from vidal.engine.errors import ConfigError
    from vidal.filter.explain.page import page
    from vidal.filter.explain.sheet import sheets

    content = page(project.pipeline.name, project.workspace.url, explanation, sheets(build, explanation))
    path = folder / "index.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--report {folder}: {error}; name a folder that can be written") from error
    return path
