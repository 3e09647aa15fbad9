"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

PipelineArgument = Annotated[Path, typer.Argument(metavar="PIPELINE", help="Pipeline file.", show_default=True)]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the pipeline file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON.")]
DEFAULT_PIPELINE = Path("vidal.yaml")
INTERRUPTED = 130
"""The exit code that typer gives a command ended by Ctrl-C."""


def print_json(value: Any) -> None:
    import json

    typer.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


def plain(text: str) -> str:
    """A text of others as a terminal may be given it: without what would steer it."""
    return "".join(letter for letter in text if letter.isprintable())


def console() -> Any:
    from rich.console import Console

    return Console()


def observer(json_output: bool = False) -> Any:
    """A live display on a terminal, plain lines elsewhere; lines go to stderr where stdout carries JSON."""
    from vidal.engine.progress import Lines, Live

    if json_output:
        return Lines(lambda line: typer.echo(line, err=True))
    found = console()
    return Live(found) if found.is_terminal else Lines(typer.echo)
