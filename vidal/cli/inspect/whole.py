"""What is done with whole shards: they are checked, repaired, and served to a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from vidal.cli.options import plain, print_json

if TYPE_CHECKING:
    from vidal.shard.read import Shards


def verify(location: str, json_output: bool) -> None:
    """Everything wrong, a line each; exit code 1 where something is."""
    from dataclasses import asdict

    from vidal.shard import verify
    from vidal.shard.read import Shards

    shards = Shards(location)
    found = verify.verify(shards, _processes(shards))
    if json_output:
        print_json(asdict(found))
    for problem in () if json_output else found.problems:
        place = " ".join(filter(None, [problem.shard, problem.key, problem.member]))
        typer.echo(plain(f"{place}: {problem.message}"))
    if not json_output:
        said = f"{len(found.problems)} problems" if found.problems else "nothing wrong"
        typer.echo(f"{said} in {found.shards} shards, {found.samples} samples, {found.members} members")
    if found.problems:
        raise typer.Exit(1)


def repair(location: str, out: str, json_output: bool) -> None:
    """The undamaged samples as a new set."""
    from dataclasses import asdict

    from vidal.shard import repair
    from vidal.shard.read import Shards

    found = repair.repair(location, out, _processes(Shards(location)))
    if json_output:
        print_json(asdict(found))
        return
    typer.echo(
        f"{out}: {found.samples} samples; {len(found.dropped)} dropped ({repair.LEDGER} says why); {len(found.copied)} "
        f"shards as they were, {len(found.rewritten)} written anew, {len(found.removed)} left out"
    )


def serve(location: str, host: str, port: int) -> None:
    """A gallery at an address, until Ctrl-C."""
    from vidal.report.serve.server import Server
    from vidal.shard.access import open_set

    found = open_set(location, guarded=True)
    with Server(found, host, port) as server:
        typer.echo(f"{len(found):,} samples at {server.url} (Ctrl-C ends it)")
        server.serve_forever()


def _processes(shards: Shards) -> int:
    """Remote shards are read by this process alone: a site's pace is not the machine's."""
    import os

    from vidal.shard.verify import processes

    if shards.fs.protocol[0] != "file":
        return 0
    return processes([int(shards.fs.info(path)["size"]) for path in shards.paths], os.cpu_count() or 1)
