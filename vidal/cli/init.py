"""`vidal init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidal.cli.options import DEFAULT_PIPELINE

DEFAULT_TRAINING = Path("train.yaml")
TRAINING = "train/"


def init(
    template: Annotated[
        str, typer.Argument(help="Name of a pipeline that comes with vidal, or train/NAME of a training.")
    ] = "local-videos",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write: vidal.yaml, or train.yaml.")
    ] = None,
) -> None:
    """Write a commented pipeline or training file to start from."""
    from vidal.engine.errors import ConfigError
    from vidal.resources import shipped_root

    root = shipped_root() / "pipelines"
    files = [*sorted(root.glob("*.yaml")), *sorted(root.glob("train/*.yaml"))]
    templates = {path.relative_to(root).with_suffix("").as_posix(): path for path in files}
    if template not in templates:
        raise ConfigError(f"no pipeline or training named {template!r}; there are {', '.join(templates)}")
    trains = template.startswith(TRAINING)
    file = output or (DEFAULT_TRAINING if trains else DEFAULT_PIPELINE)
    if file.exists():
        raise ConfigError(f"{file} exists already; name another file with --output")
    try:
        file.write_text(templates[template].read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}); name another file with --output") from error
    then = f"`vidal train {file}`" if trains else f"`vidal config validate {file}` and `vidal build {file}`"
    typer.echo(f"wrote {file}; next: edit it, then {then}")
