"""`vidal models`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, console, print_json

app = typer.Typer(help="The checkpoints a pipeline needs.", no_args_is_help=True)

RandomOption = Annotated[
    bool, typer.Option("--random", help="Try each architecture with random weights; nothing is downloaded but configs.")
]


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
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    random: RandomOption = False,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say of every model where it comes from, whether it is here, and whether it works. Exit code 1 where one does not.

    With --random, build each architecture with random weights instead and run one batch, in a process of its own: what
    a download would bring, its memory and its time, before the download.
    """
    from vidal import models
    from vidal.pipeline import endpoints, load_pipeline

    needed = _needed(pipeline, assignments)
    asked = [] if random else endpoints(load_pipeline(pipeline, assignments or []))
    results = [(one, (models.trial if random else models.check)(one.role, one.name, one.options)) for one in needed]
    results += [(one, models.check_endpoint(one.url, one.name, one.api_key_env)) for one in asked]
    if json_output:
        print_json(
            [{"key": one.key, "role": one.role, "checkpoint": one.name, **_plain(found)} for one, found in results]
        )
    else:
        _show(results, _TRIED if random else _CHECKED)
    if not all(found.ok for _, found in results):
        raise typer.Exit(1)


@app.command()
def fetch(pipeline: PipelineArgument = DEFAULT_PIPELINE, assignments: SetOption = None) -> None:
    """Download the checkpoints that are not here yet. A download that was cut goes on where it ended."""
    from vidal import models
    from vidal.engine.errors import VidalError

    failed = False
    wanted: list[Any] = []
    for one in _needed(pipeline, assignments):
        try:
            parcels = models.missing(one.name)
        except VidalError as error:
            failed = True
            typer.echo(f"vidal: {one.key}: {error}", err=True)
            continue
        wanted += [one] if parcels else []
        left, size = sum(parcel.left for parcel in parcels), sum(parcel.size for parcel in parcels)
        files = sum(len(parcel.files) for parcel in parcels)
        state = f"{_size(left)} of {_size(size)} in {files} files to download" if parcels else "is here"
        typer.echo(f"{one.role:<16} {one.name}: {state}")
    for one in wanted:
        try:
            typer.echo(f"{one.role:<16} {one.name}: {models.fetch(one.name)}")
        except VidalError as error:
            failed = True
            typer.echo(f"vidal: {one.key}: {error}", err=True)
    if failed:
        raise typer.Exit(1)


def _plain(found: Any) -> dict[str, Any]:
    values = asdict(found)
    return {**values, "path": str(values["path"])} if values.get("path") else values


_CHECKED: dict[str, Callable[[Any], str]] = {
    "": lambda found: "ok" if found.ok else "FAIL",
    "from": lambda found: found.source,
    "size": lambda found: ("≈ " if found.estimated else "") + _size(found.bytes),
    "here": lambda found: "yes" if found.present else "no",
    "keys": lambda found: {True: "fit", False: "differ", None: "–"}[found.keys],
    "parameters": lambda found: _millions(found.parameters),
    "licence": lambda found: found.licence or "–",
}
_TRIED: dict[str, Callable[[Any], str]] = {
    "": lambda found: "ok" if found.ok else "FAIL",
    "parameters": lambda found: _millions(found.parameters),
    "weights": lambda found: ", ".join(f"{_size(size)} {dtype}" for dtype, size in found.bytes.items()) or "–",
    "device": lambda found: found.device or "–",
    "batch": lambda found: f"{found.batch} × {found.unit}" if found.ok else "–",
    "seconds": lambda found: f"{found.seconds:.2f}" if found.ok else "–",
    "peak memory": lambda found: _size(found.peak),
}
"""Headings and what stands under them."""


def _show(results: list[tuple[Any, Any]], columns: dict[str, Callable[[Any], str]]) -> None:
    """A table, and after it what is wrong, with the key of the pipeline file."""
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    first, *rest = columns
    for heading in (first, "role", "model", *rest):
        table.add_column(heading, overflow="fold")
    for one, found in results:
        mark, *cells = [escape(cell(found)) for cell in columns.values()]
        table.add_row(mark, one.role, escape(one.name), *cells)
    console().print(table)
    for one, found in results:
        if not found.ok:
            typer.echo(f"{one.key}: {found.message}")


def _size(count: int) -> str:
    """Bytes in the unit that suits them; a dash for none."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B" if count else "–"


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count else "–"
