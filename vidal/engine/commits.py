"""Parts and their commits: how the rows and members of a step lie in a workspace, and how they are read back.

A part is a fixed group of samples. A step writes a part in one or more pieces, each a Parquet file of rows
and, where there are members, a tar beside it: `part-000042-000-3fa9c2d1b0ce.parquet` is the first piece of part 42
under the fingerprint 3fa9…. The Parquet file is the commit: a tar without one does not exist for anybody. Where
two pieces of a part hold the same sample, the later piece is right.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from vidal.engine.ranges import Ranges, Span, whole
from vidal.engine.schemas import COMMIT, commit_schema
from vidal.engine.step import Result
from vidal.engine.tar import TarWriter
from vidal.engine.workspace import Workspace

PIECE = re.compile(r"part-(\d{6,})-(\d{3,})-([0-9a-f]{12})\.parquet")


@dataclass(frozen=True, order=True)
class Piece:
    """One commit of one part. `number` counts the part's pieces under one fingerprint from 0."""

    part: int
    number: int
    fingerprint: str

    @property
    def stem(self) -> str:
        return f"part-{self.part:06d}-{self.number:03d}-{self.fingerprint}"

    @classmethod
    def parse(cls, name: str) -> Piece | None:
        match = PIECE.fullmatch(name)
        return cls(int(match[1]), int(match[2]), match[3]) if match else None


@dataclass
class Row:
    """A committed row and the piece it lies in, None for what stands for an absent row. `values` holds the columns
    asked for, by name."""

    piece: Piece | None
    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    @property
    def digests(self) -> dict[str, str]:
        return {member["name"]: member["sha256"] for member in self.values["members"] or ()}


class Store:
    """The commits of one step under one fingerprint."""

    def __init__(self, workspace: Workspace, step: str, fingerprint: str) -> None:
        self.workspace = workspace
        self.step = step
        self.fingerprint = fingerprint

    def pieces(self) -> dict[int, list[Piece]]:
        """Every committed piece by part, in order. One listing of the step's folder."""
        found: dict[int, list[Piece]] = {}
        for piece in all_pieces(self.workspace, self.step):
            if piece.fingerprint == self.fingerprint:
                found.setdefault(piece.part, []).append(piece)
        return found

    def stems(self) -> list[str]:
        """The names of all pieces, by part and number: what of the step's results there is."""
        return [piece.stem for parts in self.pieces().values() for piece in parts]

    def rows(self, pieces: Sequence[Piece], columns: Sequence[str]) -> dict[str, Row]:
        """The latest row of each sample in the pieces of one part, with `id` and the columns asked for."""
        rows: dict[str, Row] = {}
        wanted = list(dict.fromkeys(["id", *columns]))
        for piece in pieces:
            table = self.workspace.read_table(f"{self.step}/{piece.stem}.parquet", columns=wanted)
            for values in table.to_pylist():
                rows[values["id"]] = Row(piece, values)
        return rows

    def table(self, columns: Sequence[str]) -> pa.Table:
        """The latest row of every sample as one Arrow table: `id`, `part` and the columns asked for.

        Where nothing is committed yet, the step's own columns are of type null.
        """
        if tables := list(self.tables(columns)):
            return pa.concat_tables(tables)
        known = {name: COMMIT.field(name).type for name in COMMIT.names}
        fields = [(name, known.get(name, pa.null())) for name in dict.fromkeys(["id", *columns])]
        return pa.schema([*fields, ("part", pa.int64())]).empty_table()

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The latest rows of each part, as `table` has them, part by part."""
        for part, pieces in sorted(self.pieces().items()):
            latest = self.latest(pieces, columns)
            yield latest.append_column("part", pa.array([part] * len(latest), pa.int64()))

    def latest(self, pieces: Sequence[Piece], columns: Sequence[str]) -> pa.Table:
        """The latest row of each sample in the pieces of one part (at least one piece), ordered by id: `id` and the
        columns asked for."""
        wanted = list(dict.fromkeys(["id", *columns]))
        return _latest([self.workspace.read_table(f"{self.step}/{p.stem}.parquet", columns=wanted) for p in pieces])

    def members(self, rows: Sequence[Row], read: Any) -> Iterator[dict[str, bytes]]:
        """The member bytes each row offers and `read` wants, row by row: one range of a tar for each row, whatever lies
        between its members. Raises as `Ranges.read` does."""
        offered = [[m for m in row["members"] or () if read.wants(m["name"])] for row in rows]
        spans = [
            Span.around(
                self.workspace.path(f"{self.step}/{row.piece.stem}.tar"), ((m["offset"], m["size"]) for m in own)
            )
            for row, own in zip(rows, offered, strict=True)
            if own
        ]
        found = zip(spans, map(whole, Ranges(self.workspace.fs).each(spans)), strict=True)
        for own in offered:
            if not own:
                yield {}
                continue
            span, data = next(found)
            yield {m["name"]: span.cut(data, m["offset"], m["size"]) for m in own}

    def write(
        self,
        piece: Piece,
        results: Sequence[Result],
        inputs: Mapping[str, str],
        columns: Mapping[str, pa.DataType],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Commit results as one piece: the tar first, where there are members, then the rows.

        `inputs` maps each sample to the hash of what it gave the step. Samples are written in order of id.
        """
        ordered = sorted(results, key=lambda result: result.id)
        listings: list[list[dict[str, Any]]] = [[] for _ in ordered]
        if any(result.members for result in ordered):
            with self.workspace.create(f"{self.step}/{piece.stem}.tar") as stream:
                writer = TarWriter(stream)
                for result, listing in zip(ordered, listings, strict=True):
                    for name in sorted(result.members):
                        content = result.members[name]
                        place = writer.add(f"{result.id}.{name}", content)
                        sha256 = hashlib.sha256(content).hexdigest()
                        listing.append({"name": name, "offset": place.offset, "size": place.size, "sha256": sha256})
                writer.close()
        schema = commit_schema(columns)
        rows = [
            _row(result, inputs[result.id], listing, columns) for result, listing in zip(ordered, listings, strict=True)
        ]
        table = pa.Table.from_pylist(rows, schema=schema)
        self.workspace.write_table(f"{self.step}/{piece.stem}.parquet", table, dict(metadata or {}))


def all_pieces(workspace: Workspace, step: str) -> list[Piece]:
    """Every committed piece of a step, whatever its fingerprint, sorted by part and number."""
    pieces = (Piece.parse(name) for name in workspace.list(step))
    return sorted(piece for piece in pieces if piece)


def _row(result: Result, inputs: str, members: list[dict[str, Any]], columns: Mapping[str, Any]) -> dict[str, Any]:
    failure = result.failure
    return {
        "id": result.id,
        "kind": result.kind,
        "status": result.status,
        "rule": result.rule,
        "error_class": failure.error_class if failure else None,
        "error_message": failure.message if failure else None,
        "traceback_hash": failure.traceback_hash if failure else None,
        "attempts": result.attempts,
        "inputs": inputs,
        "members": members,
        **{name: result.columns.get(name) for name in columns},
    }


def _latest(tables: list[pa.Table]) -> pa.Table:
    """Rows of a part's pieces with the last row of each id, ordered by id. A piece has its rows in that order."""
    if len(tables) == 1:
        return tables[0]
    table = pa.concat_tables(tables)
    last = {id_: position for position, id_ in enumerate(table.column("id").to_pylist())}
    return table.take([last[id_] for id_ in sorted(last)])
