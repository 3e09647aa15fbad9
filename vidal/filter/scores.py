"""`filter/scores.parquet`: facts and scores of every sample that has a verdict to get, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vidal.engine.commits import Piece, Store
from vidal.engine.nodes import Context, Summary, Table, standing, state
from vidal.engine.pending import READERS
from vidal.engine.step import FAILED, OK, Step
from vidal.engine.workspace import Workspace
from vidal.filter.tables import DUPLICATES, SCORES

CANDIDATES = "harvest/candidates"
FACTS = (
    "seconds", "fps", "width", "height", "audio_seconds", "source_width", "source_height", "source_sha256",
)  # fmt: skip
"""What rules may ask of the media."""
PARTS_AT_ONCE = 64
"""Parts joined in memory together, which make one row group."""
DUPLICATE_OF = {
    "duplicate": "duplicate_of",
    "near_duplicate": "near_duplicate_of",
    "semantic_duplicate": "semantic_duplicate_of",
    "leaks": "leaks_into",
}
"""What rules may ask of `filter/duplicates.parquet`: whether the column of this name has a value."""


class Scores(Table):
    """Joins, part by part, what is known of every sample whose media are ok, still wanted and admitted.

    Rows are ordered by part and id. A score that does not apply, or that has failed, is null; `failed` names the steps
    that failed for a sample. Embeddings and hashes, which steps do not publish, are left out.
    """

    name = "filter/scores"

    def __init__(self, media: Step, admit: Step, scores: Sequence[Step]) -> None:
        self.media = media
        self.scores = scores
        self.standing = (*media.inputs, admit.name)
        self.reads = tuple(dict.fromkeys((*self.standing, CANDIDATES, media.name, *(step.name for step in scores))))
        columns = {"id": pa.string(), "kind": pa.string(), "part": pa.int64(), "source": pa.string()}
        columns |= {name: media.columns[name] for name in FACTS}
        columns |= {name: step.columns[name] for step in scores for name in step.published}
        self.schema = pa.schema([*columns.items(), ("failed", pa.list_(pa.string()))])

    @property
    def types(self) -> dict[str, pa.DataType]:
        """What rules may name, and its type."""
        hidden = {"id", "part", "failed"}
        facts = {field.name: field.type for field in self.schema if field.name not in hidden}
        return {**facts, **dict.fromkeys(DUPLICATE_OF, pa.bool_())}

    def settings(self) -> Mapping[str, Any]:
        return {"columns": {field.name: str(field.type) for field in self.schema}}

    def run(self, context: Context) -> Summary:
        now = state(context, self)
        if summary := standing(context.workspace, SCORES, now):
            return summary
        with context.workspace.create(SCORES) as stream:
            schema = self.schema.with_metadata({"state": now})
            with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
                for group in self._joined(context):
                    writer.write_table(group.cast(schema))
        samples = context.workspace.table_rows(SCORES)
        return Summary(samples, 0, samples)

    def _joined(self, context: Context) -> Iterator[pa.Table]:
        inputs = _Inputs.of(context, self)
        with ThreadPoolExecutor(READERS) as pool:
            parts = sorted(inputs.pieces[self.media.name])
            for start in range(0, len(parts), PARTS_AT_ONCE):
                group = parts[start : start + PARTS_AT_ONCE]
                yield pa.concat_tables(pool.map(partial(self._part, inputs), group))

    def _part(self, inputs: _Inputs, part: int) -> pa.Table:
        import pyarrow.compute as pc

        media = inputs.rows(self.media.name, part, ("kind", "status", *FACTS))
        columns = {"source": inputs.rows(CANDIDATES, part, ("source",), media["id"])["source"]}
        standing = pc.equal(media["status"], OK)
        for name in self.standing:
            status = inputs.rows(name, part, ("status",), media["id"])["status"]
            standing = pc.and_(standing, pc.fill_null(pc.equal(status.cast(pa.string()), OK), False))
        failures = []
        for step in self.scores:
            rows = inputs.rows(step.name, part, ("status", *step.published), media["id"])
            columns |= {name: rows[name] for name in step.published}
            failures.append([status == FAILED for status in rows["status"].to_pylist()])
        names = [step.name for step in self.scores]
        failed = [[name for name, yes in zip(names, row, strict=True) if yes] for row in zip(*failures, strict=True)]
        columns |= {name: media[name] for name in ("id", "kind", *FACTS)}
        columns |= {
            "part": pa.array([part] * len(media), pa.int64()),
            "failed": pa.array(failed or [[]] * len(media), pa.list_(pa.string())),
        }
        found = [columns[field.name].cast(field.type) for field in self.schema]
        return pa.table(found, names=self.schema.names).filter(standing)


@dataclass(frozen=True)
class _Inputs:
    """The stores of a table's reads, and their pieces by part."""

    stores: Mapping[str, Store]
    pieces: Mapping[str, Mapping[int, Sequence[Piece]]]

    @classmethod
    def of(cls, context: Context, table: Table) -> _Inputs:
        stores = {name: context.store(name) for name in table.reads}
        return cls(stores, {name: store.pieces() for name, store in stores.items()})

    def rows(self, step: str, part: int, columns: Sequence[str], ids: pa.ChunkedArray | None = None) -> pa.Table:
        """The latest rows of a part; where ids are given, those of the ids in their order, null where there is none."""
        import pyarrow.compute as pc

        if pieces := self.pieces[step].get(part):
            table = self.stores[step].latest(pieces, columns)
            return table if ids is None else table.take(pc.index_in(ids, table["id"].combine_chunks()))
        return pa.table({name: pa.nulls(len(ids or ())) for name in columns})


def judged(workspace: Workspace) -> pa.Table:
    """All that rules may ask of every sample, scores and duplicates, with `id`, `part` and `failed`; by part and id."""
    import pyarrow.compute as pc

    table = workspace.read_table(SCORES)
    found = workspace.read_table(DUPLICATES)
    for name, of in DUPLICATE_OF.items():
        table = table.append_column(name, pc.is_valid(found[of]))
    return table
