"""Giving samples their parts: new ids get new parts, known ids stay where they are, lost ids are withdrawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint
from vidal.engine.commits import Piece, Store
from vidal.engine.nodes import Context, Spine, Summary, state
from vidal.engine.ordering import batches, ordered, place
from vidal.engine.schemas import COMMIT
from vidal.engine.step import OK, REJECTED, Result

WITHDRAWN = "withdrawn"
STATE = "state.json"
CHANGED_ROWS = 20_000
"""How many changed rows are held before they are written."""


def sync(spine: Spine, store: Store, rows: Iterable[Mapping[str, Any]], part_size: int) -> Summary:
    """Make the committed spine hold exactly `rows`, each with `id`, `kind` and the spine's columns, once per id and in
    the order of `ordered`.

    Only differences are written: new ids in new parts of `part_size`, filled in order of a hash of the id;
    changed, lost and returning ids as more pieces of the part they already have. A lost id is `rejected`
    with the rule `withdrawn`, so what was made of it is kept and comes back with it.
    """
    writer = _Writer(spine, store, part_size)
    unchanged = 0
    for row, before in _paired(rows, _known(store)):
        if row is None:
            if before["status"] == OK:
                writer.change(before["part"], Result(before["id"], before["kind"], REJECTED, rule=WITHDRAWN), before)
            continue
        result = Result(row["id"], row["kind"], OK, {name: row.get(name) for name in spine.columns})
        inputs = fingerprint.of_inputs({"kind": result.kind, **result.columns}, {})
        if before is None:
            writer.add(result, inputs)
        elif before["inputs"] != inputs or before["status"] != OK:
            writer.change(before["part"], result, {"inputs": inputs})
        else:
            unchanged += 1
    writer.close()
    return Summary(
        wanted=unchanged + writer.updated + writer.added,
        already=unchanged,
        done=writer.updated + writer.added,
        rejected={WITHDRAWN: writer.withdrawn} if writer.withdrawn else {},
    )


def standing(spine: Spine, context: Context) -> Summary | None:
    """What `settle` noted of a spine, if nothing it is made of has changed since; None where it is to be made again."""
    name = f"{spine.name}/{STATE}"
    known = context.workspace.read_json(name) if context.workspace.exists(name) else {}
    unchanged = known.get("state") == state(context, spine)
    return Summary(known["wanted"], known["wanted"], 0) if unchanged else None


def settle(spine: Spine, context: Context, summary: Summary) -> Summary:
    """Note that a spine holds all that its settings and the steps it reads make of it, and is made of nothing else."""
    context.workspace.write_json(f"{spine.name}/{STATE}", {"state": state(context, spine), "wanted": summary.wanted})
    return summary


class _Writer:
    """Fills new parts as rows come, and adds pieces to parts that have changed."""

    def __init__(self, spine: Spine, store: Store, part_size: int) -> None:
        self._spine, self._store, self._part_size = spine, store, part_size
        pieces = store.pieces()
        self._next_part = max(pieces, default=-1) + 1
        self._next_number = {part: found[-1].number + 1 for part, found in pieces.items()}
        self._fresh: list[Result] = []
        self._changed: dict[int, list[Result]] = defaultdict(list)
        self._inputs: dict[str, str] = {}
        self._waiting = 0
        self.added = self.updated = self.withdrawn = 0

    def add(self, result: Result, inputs: str) -> None:
        self._fresh.append(result)
        self._inputs[result.id] = inputs
        self.added += 1
        if len(self._fresh) == self._part_size:
            self._write_fresh()

    def change(self, part: int, result: Result, row: Mapping[str, Any]) -> None:
        self._changed[part].append(result)
        self._inputs[result.id] = row["inputs"]
        self._waiting += 1
        if result.status == OK:
            self.updated += 1
        else:
            self.withdrawn += 1
        if self._waiting == CHANGED_ROWS:
            self._write_changed()

    def close(self) -> None:
        self._write_changed()
        if self._fresh:
            self._write_fresh()

    def _write_fresh(self) -> None:
        self._write(self._next_part, 0, self._fresh)
        self._next_part += 1
        self._fresh = []

    def _write_changed(self) -> None:
        for part, results in sorted(self._changed.items()):
            self._write(part, self._next_number[part], results)
            self._next_number[part] += 1
        self._changed.clear()
        self._waiting = 0

    def _write(self, part: int, number: int, results: list[Result]) -> None:
        piece = Piece(part, number, self._store.fingerprint)
        inputs = {result.id: self._inputs.pop(result.id) for result in results}
        self._store.write(piece, results, inputs, self._spine.columns)


def _known(store: Store) -> Iterator[dict[str, Any]]:
    """What is committed, with the part of each row, in the order of `ordered`."""
    columns = ["id", "kind", "status", "inputs"]
    schema = pa.schema([*(COMMIT.field(name) for name in columns), pa.field("part", pa.int64())])
    tables = (table.select(schema.names).cast(schema) for table in store.tables(columns))
    return ordered(schema, (batch for table in tables for batch in table.to_batches()))


def _paired(
    rows: Iterable[Mapping[str, Any]], known: Iterable[dict[str, Any]]
) -> Iterator[tuple[Mapping[str, Any] | None, Any]]:
    """Each row with what is known of its id, in order; None on the side that lacks it."""
    earlier = iter(known)
    before, last = next(earlier, None), ""
    for row in rows:
        at = place(row["id"])
        if at <= last:
            raise ValueError(f"{row['id']} comes twice, or out of order")
        last = at
        while before is not None and place(before["id"]) < at:
            yield None, before
            before = next(earlier, None)
        if before is not None and before["id"] == row["id"]:
            yield row, before
            before = next(earlier, None)
        else:
            yield row, None
    while before is not None:
        yield None, before
        before = next(earlier, None)


def in_order(schema: pa.Schema, rows: Iterable[dict[str, Any]], *then: str) -> Iterator[dict[str, Any]]:
    """Rows of a schema in the order that `sync` takes them in, then of the columns named."""
    return ordered(schema, batches(schema, rows), *then)
