"""Take-downs: samples leave every stage and the shards of a workspace, and are kept out of it for good."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from vidal.caption.llm import cache
from vidal.engine import forgotten as lists
from vidal.engine.commits import Piece, all_pieces
from vidal.engine.forgotten import Forgotten
from vidal.engine.purge import holding, purge, samples
from vidal.engine.spine import STATE
from vidal.engine.workspace import Workspace
from vidal.filter.tables import DUPLICATES, SCORES, VERDICTS
from vidal.harvest import names
from vidal.pipeline import STAGES
from vidal.shard import rewrite

CANDIDATES, SEARCH, MEDIA = "harvest/candidates", "harvest/search", "harvest/media"
QUERIES = "harvest/queries"
"""The one step whose rows are no samples and list none."""
RUNS = "runs"
STOPPED = b'"event": "run_stopped"'
"""The one event of a run record that may name a sample, in a traceback."""
GONE = b"(forgotten)"
"""What stands in a run record in place of a forgotten sample's id and address."""


@dataclass(frozen=True)
class Found:
    """Where a workspace holds what is to be forgotten: pieces of steps and shards, each with the ids there. `told` maps
    ids to the addresses that searches told; `copies` are other samples fetched as the same bytes, which stay; `already`
    are entries that were forgotten before, `unknown` others that mean nothing here."""

    forgotten: Forgotten
    told: Mapping[str, frozenset[str]]
    pieces: Mapping[str, Mapping[Piece, frozenset[str]]]
    shards: Mapping[str, frozenset[str]]
    copies: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @cached_property
    def steps(self) -> dict[str, int]:
        """How many of the samples each step holds, where it holds any."""
        return {step: len(frozenset().union(*held.values())) for step, held in self.pieces.items() if held}

    @cached_property
    def ids(self) -> frozenset[str]:
        """The samples that are here, wherever."""
        return frozenset().union(
            *(ids for held in self.pieces.values() for ids in held.values()), *self.shards.values()
        )


def find(workspace: Workspace, entries: Collection[str]) -> Found:
    """What the entries of a take-down (`names.of_entry`) mean in a workspace, and where it lies, together with what of
    earlier take-downs lies there still. Changes nothing. Raises ConfigError for an entry that names an uploader."""
    meant = {entry: names.of_entry(entry) for entry in entries}
    before = lists.read(workspace)
    wanted, told = _meant(workspace, before.adding(name for called in meant.values() for name in called))
    pieces = {step: holding(workspace, step, wanted) for step in _steps(workspace)}
    shards = rewrite.holding(workspace, wanted)
    wanted = wanted.placing(rewrite.places(workspace, wanted, shards))
    found = Found(wanted, told, pieces, shards, _copies(workspace, pieces.get(MEDIA, {}), wanted))
    here = {name for id_ in found.ids for url in told.get(id_) or {""} for name in names.of_candidate(id_, url)}
    absent = [entry for entry, called in meant.items() if not called & here]
    already = tuple(entry for entry in absent if entry in before)
    return replace(found, already=already, unknown=tuple(entry for entry in absent if entry not in before))


def forget(workspace: Workspace, prefix: str, found: Found) -> dict[str, str]:
    """Take what was found out of a workspace whose lock is held; what became of each shard. `prefix` names the dataset
    in its card.

    The list of the forgotten is written first, and the candidates are no longer held to be merged: from then on no
    build takes it up. What tells a sample by its names goes last, so that the same command ends the work wherever it
    was interrupted.
    """
    gone = found.forgotten
    if gone != lists.read(workspace):
        workspace.remove(f"{CANDIDATES}/{STATE}")
        lists.write(workspace, gone)
    _scrub_runs(workspace, found.told)
    shards = {shard: rewrite.rewrite(workspace, shard, gone) for shard in found.shards}
    rewrite.republish(workspace, prefix, gone)
    _cut(workspace, VERDICTS, gone)
    for table in (SCORES, DUPLICATES):
        _drop(workspace, table, gone)
    for step, held in found.pieces.items():
        for piece, ids in held.items():
            cache.forget(workspace, f"{step}/{piece.stem}.parquet", ids)
    for step in sorted(found.pieces, key=lambda step: step in (CANDIDATES, SEARCH)):
        purge(workspace, step, found.pieces[step], gone)
    return shards


def _meant(workspace: Workspace, wanted: Forgotten) -> tuple[Forgotten, dict[str, frozenset[str]]]:
    """The list with every name that keeps out the samples it means, and those samples with their addresses. A clip
    found under two ids at one address is two samples, and means both."""
    while True:
        told: dict[str, frozenset[str]] = {}
        for candidate in _candidates(workspace):
            id_, url = candidate["id"], candidate["url"] or ""
            if any(name in wanted for name in names.of_candidate(id_, url)):
                told[id_] = told.get(id_, frozenset()) | {url}
        more = wanted.adding(name for id_, urls in told.items() for url in urls for name in names.lasting(id_, url))
        if len(more.names) == len(wanted.names):
            return wanted, told
        wanted = more


def _candidates(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """Every id with every address that was ever told of it."""
    for step in (CANDIDATES, SEARCH):
        for piece in all_pieces(workspace, step):
            yield from samples(workspace, f"{step}/{piece.stem}.parquet", ["id", "url"])


def _steps(workspace: Workspace) -> list[str]:
    """Every folder that may hold pieces of samples, of this pipeline's steps and of others."""
    folders = [f"{stage}/{name}" for stage in STAGES for name in workspace.list(stage)]
    return [folder for folder in folders if "." not in folder and folder != QUERIES]


def _copies(workspace: Workspace, held: Mapping[Piece, frozenset[str]], gone: Forgotten) -> tuple[str, ...]:
    """The samples, not forgotten, that were fetched as the same bytes as some that are."""

    def fetched(piece: Piece) -> Iterator[tuple[str, str | None]]:
        table = workspace.read_table(f"{MEDIA}/{piece.stem}.parquet", columns=["id", "source_sha256"])
        return zip(*table.to_pydict().values(), strict=True)

    digests = {digest for piece, ids in held.items() for id_, digest in fetched(piece) if id_ in ids and digest}
    if not digests:
        return ()
    same = {id_ for piece in all_pieces(workspace, MEDIA) for id_, digest in fetched(piece) if digest in digests}
    return tuple(sorted(id_ for id_ in same if id_ not in gone))


def _cut(workspace: Workspace, name: str, gone: Forgotten) -> None:
    """Take the rows of what is forgotten out of a table. What it was computed from changes as well, so that the next
    build computes it anew."""
    if not workspace.exists(name):
        return
    table = workspace.read_table(name)
    left = table.filter(pa.array([id_ not in gone for id_ in table["id"].to_pylist()], pa.bool_()))
    if len(left) < len(table):
        workspace.write_table(name, left, workspace.table_metadata(name))


def _drop(workspace: Workspace, name: str, gone: Forgotten) -> None:
    """Remove a table that tells of what is forgotten, be it of another sample that it is the same; the next build
    computes it anew."""
    if workspace.exists(name) and any(id_ in gone for id_ in workspace.read_table(name, ["id"])["id"].to_pylist()):
        workspace.remove(name)


def _scrub_runs(workspace: Workspace, told: Mapping[str, frozenset[str]]) -> None:
    """Take ids and addresses out of the run records: the commands and settings of runs, and why they stopped."""
    words = {*told, *(url for urls in told.values() for url in urls if url)}
    written = {json.dumps(word, ensure_ascii=plain)[1:-1].encode() for word in words for plain in (True, False)}
    if not written:
        return
    longest_first = b"|".join(map(re.escape, sorted(written, key=len, reverse=True)))
    pattern = re.compile(rb"(?<![\w-])(?:" + longest_first + rb")(?![\w-])")
    for run in workspace.list(RUNS):
        for name in (f"{RUNS}/{run}/run.json", f"{RUNS}/{run}/events.jsonl"):
            lines = workspace.read_bytes(name).splitlines(keepends=True) if workspace.exists(name) else []
            may_tell = name.endswith("run.json")
            kept = [pattern.sub(GONE, line) if may_tell or STOPPED in line else line for line in lines]
            if kept != lines:
                workspace.write_bytes(name, b"".join(kept))
