"""The samples that a key or a condition chooses: listed, shown in full, or written as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vidal.cli.options import console, plain, print_json

if TYPE_CHECKING:
    from vidal.shard.index import Index

SHOWN = ("key", "kind", "shard", "seconds", "text")
"""What is told of each sample that a condition chooses."""


def chosen(location: str, keys: Sequence[str], expression: str | None) -> tuple[Index, int]:
    """The index of the samples with these keys or, where a condition is given, of those for which it holds; and of how
    many samples they are chosen."""
    from vidal.shard.inspect import positions
    from vidal.shard.load import load
    from vidal.shard.where import holding

    index = load(location)
    tell_of_headers(index)
    found = positions(index, keys) if expression is None else holding(index, expression)
    return index.where(found), len(index)


def tell_of_headers(index: Index) -> None:
    """Say on stderr which shards no index speaks of, so that their headers were read."""
    if index.scanned:
        more = f" and {len(index.scanned) - 1} more" if len(index.scanned) > 1 else ""
        typer.echo(f"{index.scanned[0]}{more}: not in an index; the headers were read", err=True)


def listed(index: Index, of: int, json_output: bool) -> None:
    """A line for each sample, and how many they are."""
    rows = [{name: row.get(name) for name in SHOWN} for row in index.facts.to_pylist()]
    if json_output:
        print_json(rows)
        return
    for row in rows:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.1f} s"
        text = " ".join((row["text"] or "").split())
        typer.echo(plain(f"{row['key']}  {row['shard']}  {seconds}  {text}".rstrip()))
    typer.echo(f"{len(rows)} of {of} samples")


def shown(index: Index, json_output: bool) -> None:
    """All of each sample: members, texts, the record and, where the terminal can draw them, pictures."""
    from vidal.cli.inspect.pictures import draw, drawable
    from vidal.shard.inspect import content_of, described

    contents = [content_of(index, position) for position in range(len(index))]
    found = [described(content) for content in contents]
    if json_output:
        print_json(found[0] if len(found) == 1 else found)
        return
    screen = console()
    for content, told in zip(contents, found, strict=True):
        typer.echo(plain(f"{told['key']} in {told['shard']}"))
        for name in [*told["members"], *(name for name in told["damage"] if name not in told["members"])]:
            size = f"{told['members'][name]:>9} bytes" if name in told["members"] else ""
            said = told["damage"].get(name) or told["texts"].get(name, "")
            typer.echo(plain(f"  {name:<18} {size:>15}  {said}").rstrip())
        print_json(told["record"])
        if drawable(screen):
            draw(screen, content.members, told["record"])


def exported(index: Index, folder: Path, json_output: bool) -> None:
    """Each member of each sample as a file; what is damaged is written as it is, and said."""
    from vidal.engine.errors import ConfigError
    from vidal.shard.inspect import content_of, export, stem

    stems: dict[str, str] = {}
    for key in index.keys.to_pylist():
        if (other := stems.setdefault(stem(key), key)) != key:
            raise ConfigError(f"{plain(other)} and {plain(key)} would be files of the same names; nothing exported")
    paths = []
    for position in range(len(index)):
        content = content_of(index, position)
        for name, said in content.damage.items():
            typer.echo(plain(f"{content.shard} {content.key} {name}: {said}"), err=True)
        paths += [str(path) for path in export(content.key, content.members, folder)]
    if json_output:
        print_json(paths)
    else:
        typer.echo("".join(f"{path}\n" for path in paths), nl=False)
