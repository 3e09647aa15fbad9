"""`vidal report`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, print_json

OUTPUT = "report.html"


def report(
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page here.  [default: report.html in the workspace]")
    ] = None,
    megabytes: Annotated[
        float, typer.Option(min=0, help="Most megabytes of pictures, clips and sounds in the page; 0 for none.")
    ] = 32,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Write what became of a dataset as one HTML page: the funnel, scores, media, failures, cost, and a gallery.

    The page needs no other file and no network. A workspace that is half built or empty is reported as it is. With
    --json the numbers are printed instead, and no page is written.
    """
    import shlex
    from dataclasses import asdict

    from vidal.engine.build import Options
    from vidal.engine.errors import ConfigError, MissingError
    from vidal.project import open_project
    from vidal.report.facts import collect
    from vidal.report.gallery.embed import embed
    from vidal.report.page.render import report_page
    from vidal.shard.access import open_set

    if json_output and output:
        raise ConfigError("--output is of the page and --json prints numbers instead; give one of them")
    project = open_project(pipeline, assignments or [])

    def command(stages: Iterable[str]) -> str:
        return shlex.join(["vidal", "build", str(pipeline), *(word for one in stages for word in ("--stage", one))])

    found = collect(project.build(Options()), project.pipeline.name, project.pipeline.filter.rules, command)
    if json_output:
        print_json(asdict(found))
        return
    workspace = project.workspace
    try:
        location = f"{workspace.url}/shards"
        shards = open_set(location, guarded=True) if workspace.exists("shards/index.parquet") else None
        embedded = embed(shards, int(megabytes * 1e6)) if shards is not None else None
    except MissingError:
        embedded = None
    content = report_page(found, embedded).encode("utf-8", "replace")
    if output is None:
        workspace.write_bytes(OUTPUT, content)
        written = f"{workspace.url}/{OUTPUT}"
    else:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(content)
        except OSError as error:
            raise ConfigError(f"--output {output}: {error}; name a file that can be written") from error
        written = str(output)
    kept, all_found = found.kept, found.found
    typer.echo(f"{written}: {kept.samples:,} of {all_found.samples:,} samples kept, {len(content) / 1e6:.1f} MB")
