"""`vidal eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vidal.cli.options import JsonOption, SetOption, console, print_json


def evaluate(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Evaluation file.")] = Path("eval.yaml"),
    out: Annotated[Path | None, typer.Option(help="Write the figures in full to this JSON file.")] = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Measure models on benchmarks and shards: retrieval and classes, without training for either.

    In one process, or in those of torchrun (`torchrun --nproc-per-node 8 -m vidal eval CONFIG`).
    """
    from vidal.engine.config import load
    from vidal.engine.errors import ConfigError
    from vidal.train.evaluate.report import as_json, tables
    from vidal.train.loop.distributed import world
    from vidal.train.use.config import EvalConfig
    from vidal.train.use.measure import measure

    found = load(EvalConfig, config, assignments or [])
    if out is not None and not out.absolute().parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}")
    with world() as here, _Progress(here.leads) as told:
        outcomes = measure(found, here, told)
    if not here.leads:
        return
    if out is not None:
        out.write_text(json.dumps(as_json(outcomes), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if json_output:
        print_json(as_json(outcomes))
    else:
        console().print(tables(outcomes))


class _Progress:
    """What is being embedded, on a terminal, as long as the block runs."""

    def __init__(self, shown: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        errors = Console(stderr=True)
        self._bar = Progress(*columns, console=errors, transient=True, disable=not (shown and errors.is_terminal))
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Any:
        self._bar.start()
        return self._told

    def __exit__(self, *_: Any) -> None:
        self._bar.stop()

    def _told(self, what: str, done: int, of: int) -> None:
        from rich.markup import escape

        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(escape(what), total=None)
        self._bar.update(self._tasks[what], completed=done, total=of or None)
