"""`vidal init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    template: Annotated[str, typer.Argument(help="Name of a pipeline that comes with vidal.")] = "local-videos",
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("vidal.yaml"),
) -> None:
    """Write a commented pipeline file to start from."""
    from vidal.engine.errors import ConfigError
    from vidal.resources import shipped_root

    templates = {path.stem: path for path in sorted((shipped_root() / "pipelines").glob("*.yaml"))}
    if template not in templates:
        raise ConfigError(f"no pipeline named {template!r}; there are {', '.join(templates)}")
    if output.exists():
        raise ConfigError(f"{output} exists already; name another file with --output")
    try:
        output.write_text(templates[template].read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written ({error.strerror}); name another file with --output") from error
    typer.echo(f"wrote {output}; next: edit it, then `vidal config validate {output}` and `vidal build {output}`")
