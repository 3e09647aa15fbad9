"""`vidal train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidal.cli.options import SetOption


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Training file.")] = Path("train.yaml"),
    resume: Annotated[
        str, typer.Option(metavar="auto|FILE", help="The newest checkpoint of the run, or the one in this file.")
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Train in this many processes of a Ray cluster, one GPU each where it has any."),
    ] = None,
    address: Annotated[str | None, typer.Option(help="Address of a running Ray cluster, with --workers.")] = None,
    assignments: SetOption = None,
) -> None:
    """Bind a modality to language on shards: go on from the newest checkpoint, or begin.

    In one process, or in those of torchrun (`torchrun --nproc-per-node 8 -m vidal train CONFIG`), or with --workers in
    those of Ray. The trained model lies in `out/model`.
    """
    from vidal.engine.config import load
    from vidal.train.config import TrainConfig

    found = load(TrainConfig, config, assignments or [])
    if workers is None:
        from vidal.train.loop.run import train as run

        run(found, resume)
    else:
        from vidal.train.loop.ray import train_on_ray

        train_on_ray(found, resume, workers, address)
    typer.echo(f"{found.out}/model")
