"""The texts of a dataset as an annotation file of VIDAL-10M, and the samples that could not be had."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine.build import Build
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.ordering import batches, ordered
from vidal.engine.schemas import TEXT_VIEWS
from vidal.engine.step import FAILED, OK, Step
from vidal.harvest.sources.vidal_release import youtube_id
from vidal.shard.annotations import annotation_file, whole_file
from vidal.shard.exchange.original import bare
from vidal.shard.publish import INDEX_FILE
from vidal.shard.sample import TOLD, text_views

CANDIDATES = "harvest/candidates"
FIELDS = ("mplug", "polish_mplug", "ofa", "sound_mplug", "raw")
"""The fields of an entry after `folder`, in the order of the release."""
ENTRY = pa.schema([("id", pa.string()), ("sample", pa.string()), ("folder", pa.string()), *TEXT_VIEWS])
MISSING = pa.schema([(name, pa.string()) for name in ("id", "sample", "url", "step", "status", "reason", "message")])
"""A sample that could not be had: `reason` is the rule that rejected it or the class of its error."""


def export(build: Build, path: Path, written: bool = False) -> int:
    """Write the texts of every candidate that is not withdrawn, or of those in the shards alone, and return how many
    ids that are.

    An id is YouTube's own where the sample's address is one of YouTube, else the sample's. Where samples share an id,
    a text of the first by its own id counts. Entries come in order of a hash of their ids, whatever the build's
    history. `folder` is the name of the source; a view that a sample lacks is left out, and a refined caption has lost
    its opening, as in the release. Memory is bounded.
    """
    wanted = _written(build) if written else lambda id_: True
    rows = ordered(ENTRY, batches(ENTRY, _entries(build, wanted)), "sample")
    count = 0
    with annotation_file(path) as add:
        for id_, same in groupby(rows, key=lambda row: row["id"]):
            add(id_, _entry(list(same)))
            count += 1
    return count


def export_missing(build: Build, path: Path) -> dict[tuple[str, str], int]:
    """Write the candidates that the harvest rejected or failed to get, as CSV or JSON lines by the file's name, in
    order of a hash of their ids; how many they are by step and reason."""
    if path.suffix not in (".csv", ".jsonl"):
        raise ConfigError(f"--missing {path}: the name tells no format; use .csv or .jsonl")
    counts: dict[tuple[str, str], int] = {}
    with whole_file(path) as stream:
        table = csv.DictWriter(stream, MISSING.names, lineterminator="\n")
        if path.suffix == ".csv":
            table.writeheader()
        for row in ordered(MISSING, batches(MISSING, missing(build)), "sample"):
            if path.suffix == ".csv":
                table.writerow(row)
            else:
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            counts[row["step"], row["reason"]] = counts.get((row["step"], row["reason"]), 0) + 1
    return counts


def missing(build: Build) -> Iterator[dict[str, Any]]:
    """A row of MISSING for each candidate that a step of the harvest has rejected or failed, under the current
    settings; not for those that are still to be tried."""
    harvest = [node for node in build.nodes if isinstance(node, Step) and CANDIDATES in node.inputs]
    steps = {node.name: ("rule", "error_class", "error_message") for node in harvest if node.stage == "harvest"}
    for id_, told, made in _joined(build, ("url",), steps):
        for step, row in made.items():
            if row["status"] != OK:
                failed = row["status"] == FAILED
                yield {
                    "id": youtube_id(told["url"]) or id_,
                    "sample": id_,
                    "url": told["url"],
                    "step": step,
                    "status": row["status"],
                    "reason": row["error_class"] if failed else row["rule"],
                    "message": row["error_message"],
                }
                break


def _entries(build: Build, wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """A row of ENTRY for each candidate that is wanted; what this build made of a sample replaces what came with it."""
    made = {
        node.name: tuple(name for name in FIELDS if name in node.columns)
        for node in build.nodes
        if isinstance(node, Step) and node.stage == "caption"
    }
    for id_, told, rows in _joined(build, (*TOLD, "source", "url"), made):
        if wanted(id_):
            texts = {
                step: {name: row[name] for name in made[step]} for step, row in rows.items() if row["status"] == OK
            }
            views = text_views({CANDIDATES: told, **texts})
            yield {"id": youtube_id(told["url"]) or id_, "sample": id_, "folder": told["source"], **views}


def _entry(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry of an id, of all samples that have it."""
    first = {name: next((row[name] for row in rows if row[name]), None) for name in ("folder", *FIELDS)}
    if first["polish_mplug"]:
        first["polish_mplug"] = bare(first["polish_mplug"])
    return {name: value for name, value in first.items() if value is not None}


def _joined(
    build: Build, columns: Iterable[str], others: Mapping[str, Iterable[str]]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every candidate that is not withdrawn, part by part: its id, its columns, and its rows in other steps, those it
    has, in order. Parts are the same in all steps. Raises MissingError before there are candidates."""
    if not build.has_run(CANDIDATES):
        raise MissingError(
            f"there are no candidates in {build.workspace.url}; run `vidal build --stage terms --stage harvest` first"
        )
    stores = {name: build.store(name) for name in (CANDIDATES, *others)}
    pieces = {name: store.pieces() for name, store in stores.items()}
    asked = {CANDIDATES: ("status", *columns), **{name: ("status", *wanted) for name, wanted in others.items()}}
    for part in sorted(pieces[CANDIDATES]):
        found = {name: stores[name].rows(pieces[name].get(part, ()), asked[name]) for name in stores}
        for id_, row in found.pop(CANDIDATES).items():
            if row["status"] == OK:
                yield id_, row.values, {name: rows[id_].values for name, rows in found.items() if id_ in rows}


def _written(build: Build) -> Callable[[str], bool]:
    """Whether a sample lies in the shards. 64 bits of a hash stand for each key, so that ten million take 80 MB."""
    import numpy as np

    if not build.workspace.exists(INDEX_FILE):
        raise MissingError(f"there are no shards in {build.workspace.url}; run `vidal build` first")
    keys = build.workspace.read_table(INDEX_FILE, columns=["key"]).column("key")
    known = np.fromiter((_short(key.as_py()) for key in keys), np.uint64, len(keys))
    known.sort()

    def wanted(id_: str) -> bool:
        at = int(np.searchsorted(known, np.uint64(_short(id_))))
        return at < len(known) and int(known[at]) == _short(id_)

    return wanted


def _short(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
