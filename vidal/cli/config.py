"""`vidal config`."""

from __future__ import annotations

import typer

from vidal.cli.options import DEFAULT_PIPELINE, PipelineArgument, SetOption, print_json

app = typer.Typer(help="Check a pipeline file, show it resolved, or print its JSON Schema.", no_args_is_help=True)


@app.command()
def validate(pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None) -> None:
    """Check a pipeline file: every key, every path it names, every rule."""
    from vidal.engine.build import Options
    from vidal.project import check_inputs, open_project

    project = open_project(pipeline, assignments or [])
    project.build(Options())
    check_inputs(project)
    typer.echo(f"{pipeline}: valid; {len(project.nodes)} steps, workspace {project.workspace.url}")


@app.command()
def render(pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None) -> None:
    """Print the pipeline file with every default filled in: exactly what a build would run."""
    import yaml

    from vidal.pipeline import load_pipeline

    resolved = load_pipeline(pipeline, assignments or []).model_dump(mode="json")
    typer.echo(yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files."""
    from vidal.pipeline import Pipeline

    print_json(Pipeline.model_json_schema())
