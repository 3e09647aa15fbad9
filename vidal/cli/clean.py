"""`vidal clean`."""

from __future__ import annotations

from typing import Annotated

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, print_json


def clean(
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed and do nothing.")] = False,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Free what a finished build has no use for: results of earlier settings and inputs, and of steps that the pipeline
    file has no more.

    The shards and all that the present settings made stay, and so do the answers of language models. Going back to
    earlier settings makes their results again.
    """
    from vidal.clean import check_done, remove, unused
    from vidal.engine.build import Options
    from vidal.project import open_project

    project = open_project(pipeline, assignments or [])
    build = project.build(Options())
    if dry_run:
        found = unused(build)
    else:
        project.workspace.check_writable()
        with project.workspace.lock():
            check_done(build)
            found = unused(build)
            remove(project.workspace, found)
    if json_output:
        told = [{"place": one.place, "files": len(one.files), "bytes": one.size} for one in found]
        print_json({"unused": told, "dry_run": dry_run})
        return
    done = "would free" if dry_run else "freed"
    typer.echo(f"{done} {sum(one.size for one in found) / 1e6:,.1f} MB")
    for one in found:
        typer.echo(f"  {one.place:<22} {len(one.files):>8} files {one.size / 1e6:>12,.1f} MB")
