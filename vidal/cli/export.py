"""`vidal export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, PipelineArgument, SetOption, print_json

if TYPE_CHECKING:
    from vidal.shard.exchange.reading import Exported
    from vidal.shard.read import Shards

TEXTS = "texts"
ShardsArgument = Annotated[str, typer.Argument(metavar="SHARDS", help="A folder of shards, one shard, or a glob.")]
OutArgument = Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; it must not be there yet.")]


class _Export(TyperGroup):
    """A group whose first command is meant where none is named: `vidal export PIPELINE` is `vidal export texts`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [TEXTS, *args])


app = typer.Typer(cls=_Export, help="Write shards, texts or a trained model in the formats of others.")


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


@app.command()
def folders(shards: ShardsArgument, out: OutArgument, json_output: JsonOption = False) -> None:
    """Write clips as the folders of files that VIDAL-10M's trainer reads, with an annotation file."""
    from vidal.shard.exchange.folders import export_folders

    _export(export_folders, shards, out, "clips", json_output)


@app.command("original-shards")
def original_shards(
    shards: ShardsArgument,
    out: OutArgument,
    samples: Annotated[int, typer.Option(min=1, help="Clips in a tar; the trainer wants one for each worker.")] = 1000,
    json_output: JsonOption = False,
) -> None:
    """Write clips as the WebDataset tars that VIDAL-10M's trainer reads: dep0.npy, tml0.jpg, frm*.jpg and texts."""
    from functools import partial

    from vidal.shard.exchange.original_shards import export_original_shards

    _export(partial(export_original_shards, samples=samples), shards, out, "clips", json_output)


@app.command()
def parquet(shards: ShardsArgument, out: OutArgument, json_output: JsonOption = False) -> None:
    """Write samples as rows of Parquet files, a file for each shard and a column for each member."""
    from vidal.shard.exchange.tables import export_parquet

    _export(export_parquet, shards, out, "samples", json_output)


@app.command()
def lance(shards: ShardsArgument, out: OutArgument, json_output: JsonOption = False) -> None:
    """Write samples as rows of one Lance dataset, a column for each member; needs the extra `lance`."""
    from vidal.shard.exchange.tables import export_lance

    _export(export_lance, shards, out, "samples", json_output)


@app.command()
def release(
    shards: ShardsArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, of JSON lines.")],
    json_output: JsonOption = False,
) -> None:
    """Write ids, addresses and texts without any media; the source `release` makes the dataset of them again."""
    from vidal.shard.exchange.release import export_release

    _export(export_release, shards, out, "samples", json_output)


def _export(export: Callable[[Shards, Path], Exported], location: str, out: Path, what: str, as_json: bool) -> None:
    """Run an export, and tell in one line what it wrote, what it left out and what it wrote without something."""
    from vidal.shard.read import Shards

    done = export(Shards(location), out)
    if as_json:
        print_json({"out": str(out), "samples": done.samples, "left_out": done.left_out, "without": done.without})
        return
    told = [f"{done.samples} {what}"]
    told += [f"{count} without {lacking}" for lacking, count in sorted(done.without.items())]
    told += [f"left out {count} ({reason})" for reason, count in sorted(done.left_out.items())]
    typer.echo(f"{out}: {'; '.join(told)}")
