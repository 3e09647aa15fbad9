"""What the last run of `shard/write` left: while all that decided it is the same and the shards stand, there is nothing
to write, and no row need be read to know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vidal.engine.workspace import Workspace
from vidal.shard import record
from vidal.shard.publish import FOLDER, STATS_FILE

FILE = f"{record.FOLDER}/written.json"


def note(workspace: Workspace, decides: Sequence[str], samples: int, shards: Mapping[str, str]) -> None:
    """Leave the number of samples written and the record of each shard, with the hashes of all that decides them."""
    told = {"decides": list(decides), "samples": samples, "shards": dict(shards)}
    if _read(workspace) != told:
        workspace.write_json(FILE, told)


def standing(workspace: Workspace, decides: Sequence[str]) -> int | None:
    """The number of samples in the shards, where they are those that the same hashes decided, all of them stand, and
    what is beside them was written; else None."""
    told = _read(workspace)
    if not told or told["decides"] != list(decides) or not workspace.exists(STATS_FILE):
        return None
    tars = {name for name in workspace.list(FOLDER) if name.endswith(".tar")}
    if tars != {f"{shard}.tar" for shard in told["shards"]}:
        return None
    whole = all(record.stands(workspace, shard, file) for shard, file in told["shards"].items())
    return told["samples"] if whole else None


def _read(workspace: Workspace) -> dict[str, Any]:
    return workspace.read_json(FILE) if workspace.exists(FILE) else {}
