"""What lies in a workspace without use for its pipeline file: results of other settings, of other inputs, and of steps
that it lacks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from vidal.engine.build import Build
from vidal.engine.commits import Store
from vidal.engine.errors import MissingError
from vidal.engine.nodes import Table
from vidal.engine.step import Step
from vidal.engine.workspace import Workspace
from vidal.pipeline import STAGES
from vidal.status import DONE, step_statuses

MADE = re.compile(r"(?:part-\d{6,}-\d{3,}|run)-([0-9a-f]{12})\.(?:parquet|tar|json)")
"""A file that a step wrote under a fingerprint."""
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
    workspace = build.workspace
    pools = {folder for node in build.nodes if isinstance(node, Table) for folder in node.folders}
    replaced = {path for node in build.nodes if isinstance(node, Step) for path in _replaced(build.store(node.name))}
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for stage in STAGES:
        sizes = {f"{stage}/{path}": size for path, size in workspace.sizes(stage).items()}
        for path, size in sizes.items():
            place = path.rpartition("/")[0]
            if POOL.fullmatch(place.rpartition("/")[2]):
                idle = place not in pools
            else:
                idle = _other(path, build.fingerprints.get(place)) or path in replaced or _stray(path, sizes)
            if idle:
                found[place][path] = size
    return [
        Unused(place, tuple(sorted(files, key=lambda path: (path.endswith(".tar"), path))), sum(files.values()))
        for place, files in sorted(found.items())
    ]


def _other(path: str, fingerprint: str | None) -> bool:
    """Whether a step wrote a file under another fingerprint."""
    made = MADE.fullmatch(path.rpartition("/")[2])
    return bool(made) and made[1] != fingerprint


def _stray(path: str, there: Collection[str]) -> bool:
    """Whether a file is the tar of a piece that was not committed."""
    rows = f"{path.removesuffix('.tar')}.parquet"
    return path.endswith(".tar") and bool(MADE.fullmatch(path.rpartition("/")[2])) and rows not in there


def _replaced(store: Store) -> Iterator[str]:
    """The files of pieces of which later ones hold every sample."""
    for pieces in store.pieces().values():
        later: set[str] = set()
        for piece in reversed(pieces if len(pieces) > 1 else []):
            ids = set(store.rows([piece], ["id"]))
            if ids <= later:
                yield from (f"{store.step}/{piece.stem}.{suffix}" for suffix in ("parquet", "tar"))
            later |= ids


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
