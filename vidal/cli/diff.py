"""`vidal diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vidal.cli.options import JsonOption, console, print_json

SUFFIXES = (".yaml", ".yml")


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A pipeline file (.yaml), or shards.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same: what A has become.")],
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page with all this here.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Tell what differs between two builds, or two shard sets.

    A build is named by its pipeline file; shards by their folder, a shard or a glob, at any URL. Of two builds it is
    told what became of every candidate, and by which rule; a build against shards is compared by the shards it wrote.
    Ends as diff does: with 0 where nothing differs, 1 where something does, 2 where it cannot be told.
    """
    from vidal.engine.errors import ConfigError
    from vidal.report.diff import terminal
    from vidal.report.diff.difference import compare
    from vidal.report.diff.records import record
    from vidal.shard.read import ShardError

    try:
        sides = [_side(name) for name in (first, second)]
        if sides[0].ledger and sides[1].ledger and sides[0].location == sides[1].location:
            raise ConfigError(
                f"{first} and {second} name one workspace, {sides[0].location}, which holds its last build alone; "
                "build one of them in another"
            )
        found = compare(*sides)
    except (ShardError, OSError) as error:
        raise ConfigError(str(error)) from error
    if output:
        _write(output, found)
    if json_output:
        print_json(record(found))
    else:
        console().print(terminal.difference(found))
        if output:
            typer.echo(f"\n{output}: the same as a page")
    if not found.same:
        raise typer.Exit(1)


def _side(name: str) -> Any:
    """What an argument names: a pipeline file by its ending, else shards."""
    from vidal.engine.build import Options
    from vidal.engine.errors import MissingError
    from vidal.project import open_project
    from vidal.report.diff.sides import build_side, set_side

    if name.endswith(SUFFIXES):
        return build_side(name, open_project(Path(name), []).build(Options()))
    try:
        return set_side(name)
    except MissingError as error:
        raise MissingError(
            f"{name}: neither a pipeline file (.yaml) nor shards, which are a folder of .tar files, a shard or a glob; "
            "the shards of a workspace are in its folder shards"
        ) from error


def _write(path: Path, found: Any) -> None:
    from vidal.engine.errors import ConfigError
    from vidal.report.page.render import diff_page

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(diff_page(found).encode("utf-8", "replace"))
    except OSError as error:
        raise ConfigError(f"--output {path}: {error}; name a file that can be written") from error
