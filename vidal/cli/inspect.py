"""`vidal inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vidal.cli.options import JsonOption, console, print_json


def inspect(
    shards: Annotated[str, typer.Argument(metavar="SHARDS", help="Folder of shards, a shard, or a glob; any URL.")],
    key: Annotated[str | None, typer.Option(help="Show this sample in full.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Open and check every member of every sample.")] = False,
    export: Annotated[Path | None, typer.Option(help="With --key: write the sample's members as files here.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve a gallery of the samples to a browser.")] = False,
    host: Annotated[str, typer.Option(help="With --serve: the address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve: the port; 0 for any.")] = 8000,
    json_output: JsonOption = False,
) -> None:
    """Look into WebDataset shards. With --verify the exit code is 1 where something is wrong."""
    from vidal.engine.errors import ConfigError
    from vidal.shard.read import ShardError, Shards

    if export and not key:
        raise ConfigError("--export writes one sample; name it with --key")
    if serve:
        _serve(shards, host, port)
        return
    found = Shards(shards)
    try:
        if key:
            _sample(found, key, export, json_output)
        elif verify:
            _verify(found, json_output)
        else:
            _overview(found, json_output)
    except ShardError as error:
        raise ConfigError(f"{error}; `vidal inspect {shards} --verify` lists everything wrong") from error


def _overview(shards: Any, json_output: bool) -> None:
    from dataclasses import asdict

    from rich.filesize import decimal
    from rich.table import Table

    from vidal.shard.inspect import overview

    found = overview(shards)
    if json_output:
        print_json(asdict(found))
        return
    for title, rows in (("shard", found.shards), ("member", found.members)):
        table = Table(title=None)
        table.add_column(title)
        table.add_column("samples", justify="right")
        table.add_column("size", justify="right")
        for name, counts in rows.items():
            table.add_row(name, str(counts["samples"]), decimal(counts["bytes"]))
        console().print(table)
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    typer.echo(f"{sum(found.kinds.values())} samples ({kinds}) in {len(found.shards)} shards")


def _sample(shards: Any, key: str, folder: Path | None, json_output: bool) -> None:
    from vidal.shard.inspect import described, export, sample_of

    shard, content = sample_of(shards, key)
    if folder:
        for path in export(key, content, folder):
            typer.echo(str(path), err=json_output)
        if not json_output:
            return
    found = described(shard, key, content)
    if json_output:
        print_json(found)
        return
    typer.echo(f"{key} in {shard}")
    for name, size in found["members"].items():
        typer.echo(f"  {name:<18} {size:>9} bytes  {found['texts'].get(name, '')}".rstrip())
    print_json(found["record"])


def _verify(shards: Any, json_output: bool) -> None:
    from dataclasses import asdict

    from vidal.shard.verify import verify

    found = verify(shards)
    if json_output:
        print_json(asdict(found))
    for problem in () if json_output else found.problems:
        typer.echo(" ".join(filter(None, [problem.shard, problem.key, problem.member])) + f": {problem.message}")
    if not json_output:
        said = f"{len(found.problems)} problems" if found.problems else "nothing wrong"
        typer.echo(f"{said} in {found.shards} shards, {found.samples} samples, {found.members} members")
    if found.problems:
        raise typer.Exit(1)


def _serve(location: str, host: str, port: int) -> None:
    from vidal.report.gallery.shardset import ShardSet
    from vidal.report.serve.server import Server

    found = ShardSet(location)
    with Server(found, host, port) as server:
        typer.echo(f"{len(found):,} samples at {server.url} (Ctrl-C ends it)")
        server.serve_forever()
