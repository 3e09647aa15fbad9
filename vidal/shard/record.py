"""The record beside a shard: what lies where in it, and all that tells whether it is the shard that is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint
from vidal.engine.schemas import INDEX
from vidal.engine.workspace import Workspace

FOLDER = "shard/write"
RECORD = pa.schema([*INDEX, pa.field("inputs", pa.string()), pa.field("weight", pa.int64())])
"""Rows of the index, with the hash of all that a sample gave its shard, and the bytes that the plan counts for it."""


def digest(made: Mapping[str, Any], content: Iterable[tuple[str, str]]) -> str:
    """What a shard would hold: keys in order with the hash of their inputs, and how it is made of them (the version of
    the code, the provenance of each field)."""
    return fingerprint.digest({**made, "content": [[key, inputs] for key, inputs in content]})


def path(shard: str, digest: str) -> str:
    return f"{FOLDER}/{shard}-{digest}.parquet"


def files(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Every record in a workspace: the name of its shard, and its path."""
    for name in workspace.list(FOLDER):
        if name.endswith(".parquet"):
            yield name.rpartition("-")[0], f"{FOLDER}/{name}"


def write(
    workspace: Workspace, shard: str, made: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], sha256: str, size: int
) -> str:
    """Write the record of a shard of `size` bytes, and return its path. It says that the shard is whole."""
    name = path(shard, digest(made, ((row["key"], row["inputs"]) for row in rows)))
    facts = {"sha256": sha256, "bytes": str(size), "samples": str(len(rows)), "made": fingerprint.canonical(made)}
    workspace.write_table(name, pa.Table.from_pylist(list(rows), schema=RECORD), facts)
    return name


def made_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """How a recorded shard was made, as `digest` takes it."""
    return json.loads(metadata["made"])


def stands(workspace: Workspace, shard: str, record: str) -> bool:
    """Whether the shard of a record lies in the workspace, whole."""
    metadata = workspace.table_metadata(record)
    return bool(metadata) and workspace.size(f"shards/{shard}.tar") == int(metadata["bytes"])
