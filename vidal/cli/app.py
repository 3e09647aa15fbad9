"""The command's entry point: its commands, and how every error reaches the user."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from vidal import __version__
from vidal.cli import (
    build,
    clean,
    config,
    demo,
    diff,
    eval,
    export,
    failures,
    filter,
    forget,
    init,
    inspect,
    models,
    report,
    search,
    status,
    submit,
    train,
)
from vidal.cli.options import INTERRUPTED
from vidal.engine.errors import VidalError

app = typer.Typer(
    help="Build language-aligned multimodal datasets: search terms in, verified WebDataset shards out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"vidal {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    return


app.command("init")(init.init)
app.add_typer(config.app, name="config")
app.command("build")(build.build)
app.command("status")(status.status)
app.command("failures")(failures.failures)
app.add_typer(filter.app, name="filter")
app.command("clean")(clean.clean)
app.command("forget")(forget.forget)
app.add_typer(export.app, name="export")
app.command("inspect")(inspect.inspect)
app.command("report")(report.report)
app.command("diff")(diff.diff)
app.add_typer(models.app, name="models")
app.command("demo")(demo.demo)
app.command("submit")(submit.submit)
app.command("train")(train.train)
app.command("eval")(eval.evaluate)
app.command("index")(search.index)
app.command("search")(search.search)


def main() -> None:
    """Run the command; errors become one message on stderr and an exit code (2 usage, 130 interrupted)."""
    try:
        app(standalone_mode=True)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("vidal: interrupted; run the same command again to continue", file=sys.stderr)
        raise
    except VidalError as error:
        print(f"vidal: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        print(f"vidal: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("VIDAL_TRACEBACK"):
            traceback.print_exc()
        print(f"vidal: unexpected {type(error).__name__}: {error} (VIDAL_TRACEBACK=1 shows where)", file=sys.stderr)
        sys.exit(1)
