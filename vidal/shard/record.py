"""The record beside a shard: what lies where in it, and all that tells whether it is the shard that is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint
from vidal.engine.schemas import INDEX
from vidal.engine.workspace import Workspace

FOLDER = "shard/write"
SCORE = "score_"
"""What the names of score columns begin with."""
OWN = pa.schema([("inputs", pa.string()), ("weight", pa.int64())])
"""What a record holds beside rows of the index: the hash of all that a sample gave its shard, and the bytes that the
plan counts for it."""


def schema(scores: Mapping[str, pa.DataType]) -> pa.Schema:
    """The rows of a record of a build with these scores."""
    return pa.schema([*INDEX, *(pa.field(SCORE + name, type_) for name, type_ in sorted(scores.items())), *OWN])


def schema_like(stored: pa.Schema) -> pa.Schema:
    """The rows of a record with the scores that a stored one has."""
    return schema({field.name.removeprefix(SCORE): field.type for field in stored if field.name.startswith(SCORE)})


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


def write(workspace: Workspace, shard: str, made: Mapping[str, Any], rows: pa.Table, sha256: str, size: int) -> str:
    """Write the record of a shard of `size` bytes, and return its path. It says that the shard is whole."""
    content = zip(rows["key"].to_pylist(), rows["inputs"].to_pylist(), strict=True)
    name = path(shard, digest(made, content))
    facts = {"sha256": sha256, "bytes": str(size), "samples": str(len(rows)), "made": fingerprint.canonical(made)}
    workspace.write_table(name, rows, facts)
    return name


def made_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """How a recorded shard was made, as `digest` takes it."""
    return json.loads(metadata["made"])


def stands(workspace: Workspace, shard: str, record: str) -> bool:
    """Whether the shard of a record lies in the workspace, whole."""
    metadata = workspace.table_metadata(record)
    return bool(metadata) and workspace.size(f"shards/{shard}.tar") == int(metadata["bytes"])
