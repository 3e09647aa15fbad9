"""`vidal index` and `vidal search`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidal.cli.options import JsonOption, print_json

DeviceOption = Annotated[str, typer.Option(help="auto (CUDA where visible), cpu or cuda.")]


def index(
    shards: Annotated[str, typer.Argument(metavar="SHARDS", help="Folder of shards, a shard, or a pattern; any URL.")],
    model: Annotated[str, typer.Option(help="A model's folder or Hugging Face id, or a CLIP.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The index; FILE.parquet lies beside it.")],
    modality: Annotated[
        str | None, typer.Option(help="What of a sample is embedded, where the model is a CLIP.")
    ] = None,
    device: DeviceOption = "auto",
    json_output: JsonOption = False,
) -> None:
    """Embed the samples of shards, so that `vidal search` finds them by a text."""
    from vidal.train.use.index import index as write
    from vidal.train.use.loading import bound_modality

    kind = modality or bound_modality(model)
    found = write(shards, kind, model, out, device)
    if json_output:
        print_json({"index": str(out), "modality": kind, "samples": found.samples, "skipped": dict(found.skipped)})
        return
    skipped = ", ".join(f"{count} {name}" for name, count in sorted(found.skipped.items()))
    typer.echo(f"{out}: {found.samples} samples, {kind}" + (f"; left out: {skipped}" if skipped else ""))
    typer.echo(f'vidal search {out} "…"')


def search(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An index that `vidal index` wrote.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for.")],
    k: Annotated[int, typer.Option("--k", min=1, help="How many samples.")] = 10,
    device: DeviceOption = "auto",
    json_output: JsonOption = False,
) -> None:
    """Find the samples of an index that are most like a text."""
    from dataclasses import asdict

    from vidal.train.use.index import search as find

    hits = find(file, text, k, device)
    if json_output:
        print_json([asdict(hit) for hit in hits])
        return
    for hit in hits:
        typer.echo(f"{hit.score:6.3f}  {_plain(hit.text)}\n        {_plain(hit.key)} in {_plain(hit.shard)}")
    typer.echo("vidal inspect SHARD --key KEY    shows a sample in full")


def _plain(text: str) -> str:
    """A text from a shard without what moves a terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
