"""A shard set, or the samples chosen of it, in numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from vidal.cli.inspect.samples import tell_of_headers
from vidal.cli.options import console, plain, print_json

if TYPE_CHECKING:
    from vidal.shard.index import Index
    from vidal.shard.inspect import Overview

MOST = 10
"""Languages and resolutions that are told, the most frequent first."""
SHARDS = 20
"""Most shards that are told one by one."""
NUMBER = re.compile(r"\d+(?=\.)")


def everything(location: str, json_output: bool) -> None:
    """All samples of the shards that are there."""
    from vidal.shard.inspect import held, overview

    found = held(location)
    tell_of_headers(found.index)
    for name in found.absent:
        typer.echo(f"{name}: the index speaks of it; it is not there", err=True)
    _told(overview(found.index, found.sizes), found.index, json_output)


def chosen(index: Index, json_output: bool) -> None:
    """The samples of an index alone, with the bytes that their members take."""
    from vidal.shard.inspect import overview

    _told(overview(index), index, json_output)


def _told(found: Overview, index: Index, json_output: bool) -> None:
    from dataclasses import asdict

    from rich.box import SIMPLE_HEAD
    from rich.filesize import decimal
    from rich.table import Table
    from rich.text import Text

    from vidal.shard.summary import summary

    counted = summary(index)
    if json_output:
        print_json({**asdict(found), **asdict(counted)})
        return
    shards = _series(found.shards, len(found.shards) > SHARDS)
    for title, most, rows in (("shards", sum, shards), ("members", max, _series(found.members, True))):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column(title)
        for heading in ("number", "samples", "size"):
            table.add_column(heading, justify="right")
        for name, counts in rows.items():
            samples, size = most(one["samples"] for one in counts), sum(one["bytes"] for one in counts)
            table.add_row(Text(plain(name)), str(len(counts)), str(samples), decimal(size))
        console().print(table)
        console().print()
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items()) or "none"
    typer.echo(f"{sum(found.kinds.values())} samples ({kinds}) in {len(found.shards)} shards")
    _summed(counted)


def _series(counts: Mapping[str, Mapping[str, int]], together: bool) -> dict[str, list[Mapping[str, int]]]:
    """The counts by name; where `together`, of names that differ in a number alone by what they share: `frm*.jpg`."""
    found: dict[str, list[Mapping[str, int]]] = {}
    for name, count in counts.items():
        found.setdefault(NUMBER.sub("*", name) if together else name, []).append(count)
    return found


def _summed(counted: Any) -> None:
    hours = {kind: f"{value:.3f} h" for kind, value in counted.hours.items()}
    lines = {"hours": hours, "durations": counted.durations, "missing members": counted.missing}
    for name, counts in {**lines, "languages": counted.languages, "resolutions": counted.resolutions}.items():
        told = ", ".join(f"{value} {count}" for value, count in list(counts.items())[:MOST])
        typer.echo(f"{name}: {told or 'none'}{' …' if len(counts) > MOST else ''}")
    for view, spread in counted.words.items():
        typer.echo(f"words of {view}: " + ", ".join(f"{name} {count}" for name, count in spread.items()))
    typer.echo(f"languages, resolutions and words are of {counted.records} records")
