"""`vidal export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, print_json

TEXTS = "texts"


class _Export(TyperGroup):
    """A group whose first command is meant where none is named: `vidal export PIPELINE` is `vidal export texts`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [TEXTS, *args])


app = typer.Typer(cls=_Export, help="Write texts, or a trained model, in the formats of VIDAL-10M and LanguageBind.")


@app.command(TEXTS)
def texts(
    pipeline: PipelineArgument = DEFAULT_PIPELINE,
    annotations: Annotated[
        Path | None, typer.Option(help="Write the texts here, as VIDAL-10M's annotation file has them.")
    ] = None,
    missing: Annotated[
        Path | None, typer.Option(help="List here what the harvest rejected or failed to get: .csv or .jsonl.")
    ] = None,
    written: Annotated[bool, typer.Option("--written", help="Only the texts of samples in the shards.")] = False,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Write a dataset's texts in the format of VIDAL-10M, and the ids of what could not be had."""
    from vidal.engine.build import Options
    from vidal.engine.errors import ConfigError
    from vidal.project import open_project
    from vidal.shard.export import export as write
    from vidal.shard.export import export_missing

    if annotations is None and missing is None:
        raise ConfigError("nothing to export; name a file with --annotations or --missing")
    build = open_project(pipeline, assignments or []).build(Options())
    count = write(build, annotations, written) if annotations else None
    lost = export_missing(build, missing) if missing else None
    rows = [{"step": step, "reason": reason, "count": count} for (step, reason), count in sorted((lost or {}).items())]
    if json_output:
        print_json({"annotations": count, "missing": rows if missing else None})
        return
    if annotations:
        typer.echo(f"{annotations}: the texts of {count} ids")
    if missing:
        typer.echo(f"{missing}: {sum((lost or {}).values())} samples")
        for row in rows:
            typer.echo(f"  {row['step']}  {row['reason']}: {row['count']}")


@app.command()
def languagebind(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder, such as a training's `out/model`.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
) -> None:
    """Write a trained model as LanguageBind's own classes load it: LoRA merged, safetensors, tokenizer."""
    from vidal.train.use.export import export

    typer.echo(str(export(model, out)))
