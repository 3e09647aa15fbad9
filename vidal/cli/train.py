"""`vidal train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidal.cli.options import INTERRUPTED, SetOption


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
    from vidal.engine.errors import ConfigError
    from vidal.train.config import TrainConfig
    from vidal.train.loop.distributed import leads
    from vidal.train.loop.run import AUTO, StoppedError
    from vidal.train.loop.run import train as run

    found = load(TrainConfig, config, assignments or [])
    if workers is None and address is not None:
        raise ConfigError("--address is that of a Ray cluster; say with --workers how many processes train there")
    if workers is None:
        try:
            run(found, resume)
        except StoppedError as stopped:
            typer.echo(f"vidal: {stopped}", err=True)
            raise typer.Exit(INTERRUPTED) from stopped
    elif resume != AUTO:
        raise ConfigError(
            "--resume FILE goes without --workers: Ray begins again from the newest checkpoint; remove the later ones"
        )
    else:
        from vidal.train.loop.ray import train_on_ray

        train_on_ray(found, workers, address)
    if leads():
        typer.echo(f"{found.out}/model")
