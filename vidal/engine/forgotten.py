"""The list of what was taken down: hashes alone, so that nothing of a forgotten sample stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from vidal.engine.ordering import place
from vidal.engine.workspace import Workspace

FILE = "forgotten.parquet"
FORGOTTEN = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("size", pa.int64()),
    ]
)
"""`name` is the SHA-256 of a sample's id, or of another name it goes by; `kind` and `size` (bytes, as the plan of the
shards counts them) are null for what was in no shard."""


@dataclass(frozen=True)
class Held:
    """The place a sample had in the shards: those of its kind, and the bytes it counted for there."""

    kind: str
    size: int


@dataclass(frozen=True)
class Forgotten:
    """What is to be kept out, by the SHA-256 of each name it goes by, with the place it held in the shards."""

    names: Mapping[str, Held | None] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return bool(self.names) and place(name) in self.names

    def places(self, kind: str) -> dict[str, int]:
        """The bytes of a kind's forgotten samples, by the hash of the id that gives each its place."""
        return {name: held.size for name, held in self.names.items() if held and held.kind == kind}

    def adding(self, names: Iterable[str]) -> Forgotten:
        """The list with more names, given as they are; places already known are kept."""
        return Forgotten({**dict.fromkeys(map(place, names)), **self.names})

    def placing(self, places: Mapping[str, Held]) -> Forgotten:
        """The list with the places of some ids on it; those already known are kept."""
        found = {place(id_): held for id_, held in places.items()}
        return Forgotten({name: held or found.get(name) for name, held in self.names.items()})


def read(workspace: Workspace) -> Forgotten:
    """The list of a workspace; empty where nothing was forgotten."""
    if not workspace.exists(FILE):
        return Forgotten()
    rows = workspace.read_table(FILE).to_pylist()
    return Forgotten({row["name"]: Held(row["kind"], row["size"]) if row["kind"] else None for row in rows})


def write(workspace: Workspace, forgotten: Forgotten) -> None:
    rows = [
        {"name": name, "kind": held.kind if held else None, "size": held.size if held else None}
        for name, held in sorted(forgotten.names.items())
    ]
    workspace.write_table(FILE, pa.Table.from_pylist(rows, FORGOTTEN))
