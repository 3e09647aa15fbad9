"""What lies in a workspace without use for its pipeline file: results of other settings, of other inputs, and of steps
that it lacks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from vidal.engine.build import MARKER, Build, marker
from vidal.engine.commits import Piece, Store
from vidal.engine.errors import MissingError
from vidal.engine.nodes import Node, Spine, Table
from vidal.engine.workspace import Workspace
from vidal.pipeline import STAGES
from vidal.status import DONE, step_statuses

POOL = re.compile(r"pool-[0-9a-f]{12}")
"""A folder that a table keeps under a fingerprint of its own."""


@dataclass(frozen=True)
class Unused:
    """Files of a step, or of a table's folder, that nothing reads: their paths, rows before the tars that they point
    into, and their bytes."""

    place: str
    files: tuple[str, ...]
    size: int


def unused(build: Build) -> list[Unused]:
    """What a build has no use for under its present settings, by step. Reads names and, of parts in several pieces,
    ids."""
    used = {name for node in build.nodes for name in _used(build, node)}
    tables = {node.name for node in build.nodes if isinstance(node, Table) and not isinstance(node, Spine)}
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for stage in STAGES:
        for path, size in build.workspace.sizes(stage).items():
            place, _, name = f"{stage}/{path}".rpartition("/")
            if _made(place, name, tables) and not used & {place, f"{place}/{name}"}:
                found[place][f"{place}/{name}"] = size
    return [
        Unused(place, tuple(sorted(files, key=lambda path: (path.endswith(".tar"), path))), sum(files.values()))
        for place, files in sorted(found.items())
    ]


def _used(build: Build, node: Node) -> Iterator[str]:
    """What a node reads of what it wrote: its marker, the files of its pieces, and the folders of a table."""
    store = build.store(node.name)
    yield marker(node.name, store.fingerprint)
    if isinstance(node, Table):
        yield from node.folders
    for pieces in store.pieces().values():
        for piece in pieces if isinstance(node, Table) else _needed(store, pieces):
            yield from (f"{node.name}/{piece.stem}.{suffix}" for suffix in ("parquet", "tar"))


def _needed(store: Store, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces of a part of which later ones do not hold every sample."""
    if len(pieces) == 1:
        return list(pieces)
    needed, later = [], set()
    for piece in reversed(pieces):
        if not (ids := set(store.rows([piece], ["id"]))) <= later:
            needed.append(piece)
        later |= ids
    return needed


def _made(place: str, name: str, tables: Collection[str]) -> bool:
    """Whether a file of a stage is of a table's folder, a marker, or of a piece. Tables write no pieces, though the
    records of shards may have names like theirs."""
    if POOL.fullmatch(place.rpartition("/")[2]) or MARKER.fullmatch(name):
        return True
    return place not in tables and Piece.parse(f"{name.rpartition('.')[0]}.parquet") is not None


def check_done(build: Build) -> None:
    """Raise MissingError, naming the first step, unless the build is done: until then what lies there may be all there
    is of a result."""
    open_ = next((status for status in step_statuses(build) if status.state != DONE), None)
    if open_:
        raise MissingError(
            f"{open_.step} is {open_.state}: what is unused may be all there is of it. Nothing was removed; run "
            "`vidal build` first, or see with --dry-run what would go"
        )


def remove(workspace: Workspace, found: list[Unused]) -> None:
    """Remove what was found from a workspace whose lock is held. Interrupted anywhere, the same again ends the work."""
    for one in found:
        for path in one.files:
            workspace.remove(path)
