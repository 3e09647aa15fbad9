"""`vidal demo`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vidal.cli.options import console, observer


def demo(
    workspace: Annotated[str, typer.Option(help="Folder to build in.")] = "workspaces/demo",
    runner: Annotated[str, typer.Option(help="ray or local.", metavar="RUNNER")] = "ray",
    port: Annotated[int, typer.Option(help="Loopback port of the demo's sites.")] = 8765,
) -> None:
    """Build the demo dataset from end to end: no network, no keys. Exit code 1 where a verdict is not as planted."""
    from vidal.demo.run import run_demo

    typer.echo("writing the demo world and serving its sites …")
    result = run_demo(workspace, port, [f"runner.kind={runner}"], observer())
    _print_funnel(result)
    _print_truth(result)
    shards = f"{workspace}/shards"
    verified = result.verified
    typer.echo(
        f"verified {verified.members} members of {verified.samples} samples in {verified.shards} shards: "
        f"{len(verified.problems)} problems"
    )
    typer.echo("\nlook further:")
    typer.echo(f"  vidal inspect {shards}")
    typer.echo(f"  vidal inspect {shards} --key {_a_key(result)}")
    typer.echo(f"  vidal failures {result.project.path} --set workspace={workspace}")
    typer.echo("  vidal init local-videos        start on your own clips")
    if not result.passed:
        raise typer.Exit(1)


def _print_funnel(result: Any) -> None:
    from rich.table import Table

    table = Table(title="Funnel", title_justify="left")
    for heading in ("outcome", "where", "rule or error", "candidates"):
        table.add_column(heading, justify="right" if heading == "candidates" else "left")
    for outcome, count in result.funnel:
        table.add_row(outcome.status, outcome.step, outcome.reason, str(count))
    table.add_row("in", "", "", str(sum(count for _, count in result.funnel)), style="bold")
    console().print(table)


def _print_truth(result: Any) -> None:
    from rich.table import Table

    table = Table(title="Against the planted truth", title_justify="left")
    for heading in ("planted", "kind", "expected", "met", "otherwise"):
        table.add_column(heading, justify="right" if heading == "met" else "left")
    for line in result.lines:
        expected = " ".join(filter(None, [line.expected.status, line.expected.reason]))
        met = f"{line.met}/{line.entries}"
        table.add_row(line.trouble, line.kind, expected, met, "; ".join(line.others))
    console().print(table)
    typer.echo(f"good entries kept: {result.good_kept:.0%}; bad entries kept: {len(result.bad_kept)}")


def _a_key(result: Any) -> str:
    from vidal.shard.read import Shards

    shards = Shards(f"{result.project.workspace.url}/shards")
    return next(shards.samples(shards.paths[0])).key
