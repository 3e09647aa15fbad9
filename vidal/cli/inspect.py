"""`vidal inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vidal.cli.options import JsonOption, console, print_json

SHOWN = ("key", "kind", "shard", "seconds", "text")
"""What is told of each sample that a condition chooses."""
MOST = 10
"""Languages and resolutions that are told, the most frequent first."""


def inspect(
    shards: Annotated[str, typer.Argument(metavar="SHARDS", help="Folder of shards, a shard, or a glob; any URL.")],
    key: Annotated[str | None, typer.Option(help="Show this sample in full.")] = None,
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="List the samples for which an SQL condition holds.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Open and check every member of every sample.")] = False,
    repair: Annotated[
        str | None, typer.Option(metavar="OUT", help="Write the samples of which nothing is wrong as a new set here.")
    ] = None,
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
    asked = {"--key": key, "--where": where, "--verify": verify, "--repair": repair, "--serve": serve}
    if len(given := [name for name, value in asked.items() if value]) > 1:
        raise ConfigError(f"{given[0]} and {given[1]} ask for different things; give one of them")
    try:
        if serve:
            _serve(shards, host, port)
        elif key:
            _sample(Shards(shards), key, export, json_output)
        elif where:
            _where(shards, where, json_output)
        elif repair:
            _repair(shards, repair, json_output)
        elif verify:
            _verify(Shards(shards), json_output)
        else:
            _overview(Shards(shards), shards, json_output)
    except ShardError as error:
        raise ConfigError(f"{error}; `vidal inspect {shards} --verify` lists everything wrong") from error


def _where(location: str, expression: str, json_output: bool) -> None:
    from vidal.shard.access import open_set

    found = open_set(location)
    chosen = found.where(expression)
    for name in found.scanned:
        typer.echo(f"{name}: no index speaks of it; its headers were read", err=True)
    rows = [{name: row.get(name) for name in SHOWN} for row in chosen.table.to_pylist()]
    if json_output:
        print_json(rows)
        return
    for row in rows:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.1f} s"
        text = " ".join((row["text"] or "").split())
        line = f"{row['key']}  {row['shard']}  {seconds}  {text}".rstrip()
        typer.echo("".join(letter for letter in line if letter.isprintable()))
    typer.echo(f"{len(rows)} of {len(found)} samples")


def _repair(location: str, out: str, json_output: bool) -> None:
    from dataclasses import asdict

    from vidal.shard.read import Shards
    from vidal.shard.repair import LEDGER, repair

    found = repair(location, out, _workers(Shards(location)))
    if json_output:
        print_json(asdict(found))
        return
    typer.echo(
        f"{out}: {found.samples} samples; {len(found.dropped)} dropped ({LEDGER} says why); {len(found.copied)} shards "
        f"as they were, {len(found.rewritten)} written anew, {len(found.removed)} left out"
    )


def _workers(shards: Any) -> int:
    """Processes to check shards with: the machine's cores for several local ones, else this one alone."""
    import os

    several = len(shards.paths) > 1 and shards.fs.protocol[0] == "file"
    return min(os.cpu_count() or 1, len(shards.paths)) if several else 0


def _overview(shards: Any, location: str, json_output: bool) -> None:
    from dataclasses import asdict

    from rich.filesize import decimal
    from rich.table import Table

    from vidal.shard.index import load
    from vidal.shard.inspect import overview
    from vidal.shard.summary import summary

    found, counted = overview(shards), summary(load(location))
    if json_output:
        print_json({**asdict(found), **asdict(counted)})
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
    _summary(counted)


def _summary(counted: Any) -> None:
    hours = {kind: f"{value:.3f} h" for kind, value in counted.hours.items()}
    lines = {"hours": hours, "durations": counted.durations, "missing members": counted.missing}
    for name, counts in {**lines, "languages": counted.languages, "resolutions": counted.resolutions}.items():
        told = ", ".join(f"{value} {count}" for value, count in list(counts.items())[:MOST])
        typer.echo(f"{name}: {told or 'none'}{' …' if len(counts) > MOST else ''}")
    for view, spread in counted.words.items():
        typer.echo(f"words of {view}: " + ", ".join(f"{name} {count}" for name, count in spread.items()))
    typer.echo(f"languages, resolutions and words are of {counted.records} records")


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

    found = verify(shards, _workers(shards))
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
    from vidal.report.serve.server import Server
    from vidal.shard.access import open_set

    found = open_set(location, guarded=True)
    with Server(found, host, port) as server:
        typer.echo(f"{len(found):,} samples at {server.url} (Ctrl-C ends it)")
        server.serve_forever()
