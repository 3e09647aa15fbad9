"""The options of `vidal inspect`, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vidal.cli.options import JsonOption

CHOICES = ("--key", "--where")
"""Options that choose samples."""
WHOLE = ("--verify", "--repair", "--serve")
"""Options that are of whole shards."""


def inspect(
    shards: Annotated[str, typer.Argument(metavar="SHARDS", help="Folder of shards, a shard, or a glob; any URL.")],
    key: Annotated[
        list[str] | None, typer.Option(help="Choose this sample; may be given several times. Shown in full.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Choose the samples for which an SQL condition holds. Listed.")
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Count the chosen samples, else all.")] = False,
    export: Annotated[Path | None, typer.Option(help="Write the chosen samples' members as files here.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Open and check every member of every sample.")] = False,
    repair: Annotated[
        str | None, typer.Option(metavar="OUT", help="Write the samples of which nothing is wrong as a new set here.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve a gallery of the samples to a browser.")] = False,
    host: Annotated[str, typer.Option(help="With --serve: the address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve: the port; 0 for any.")] = 8000,
    json_output: JsonOption = False,
) -> None:
    """Look into WebDataset shards: count all samples, or show those that --key or --where choose.

    --summary and --export do something else with what is chosen; --verify, --repair and --serve are of whole shards.
    With --verify the exit code is 1 where something is wrong.
    """
    from vidal.cli.inspect import counts, samples, whole
    from vidal.engine.errors import ConfigError
    from vidal.shard.read import ShardError

    check({"--key": key, "--where": where, "--summary": summary, "--export": export, "--verify": verify,
           "--repair": repair, "--serve": serve}, json_output)  # fmt: skip
    try:
        if serve:
            whole.serve(shards, host, port)
        elif repair:
            whole.repair(shards, repair, json_output)
        elif verify:
            whole.verify(shards, json_output)
        elif not key and not where:
            counts.everything(shards, json_output)
        else:
            chosen, of = samples.chosen(shards, key or [], where)
            if summary:
                counts.chosen(chosen, json_output)
            elif export:
                samples.exported(chosen, export, json_output)
            elif key:
                samples.shown(chosen, json_output)
            else:
                samples.listed(chosen, of, json_output)
    except ShardError as error:
        raise ConfigError(f"{error}; `vidal inspect {shards} --verify` lists everything wrong") from error


def check(options: Mapping[str, Any], json_output: bool) -> None:
    """Raise ConfigError for options that do not go together: one at most chooses, and one at most acts."""
    from vidal.engine.errors import ConfigError

    given = [name for name, value in options.items() if value]
    choosing = [name for name in given if name in CHOICES]
    acting = [name for name in given if name not in CHOICES]
    if len(choosing) > 1:
        raise ConfigError("--key names samples and --where looks for them; give one of them")
    if len(acting) > 1:
        raise ConfigError(f"{acting[0]} and {acting[1]} ask for different things; give one of them")
    if choosing and acting and acting[0] in WHOLE:
        raise ConfigError(f"{acting[0]} is of whole shards; leave {choosing[0]} out")
    if acting == ["--export"] and not choosing:
        raise ConfigError("--export writes chosen samples; choose them with --key or --where")
    if acting == ["--serve"] and json_output:
        raise ConfigError("--serve answers a browser; leave --json out")
