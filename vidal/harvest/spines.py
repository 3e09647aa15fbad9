"""The two places where samples get their parts: queries (a source and a term), and candidates merged by id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint, forgotten, spine
from vidal.engine.forgotten import Forgotten
from vidal.engine.nodes import Context, Spine, Summary
from vidal.engine.schemas import CANDIDATE, CANDIDATE_COLUMNS, QUERY_COLUMNS
from vidal.engine.step import OK
from vidal.harvest import names
from vidal.harvest.config import SourceConfig
from vidal.harvest.screening.config import RankConfig
from vidal.harvest.screening.rank import unranked
from vidal.harvest.sources import open_source
from vidal.terms.table import OUTPUT as TERMS_TABLE

QUERIES_PER_PART = 16
"""Queries are committed in small groups: one may wait long for its host, or find a thousand candidates."""


class Queries(Spine):
    """One query per searching source and term, one per slice of a listing source."""

    name = "harvest/queries"
    version = 2
    reads = ("terms/terms",)
    columns = QUERY_COLUMNS

    def __init__(self, sources: Sequence[SourceConfig], base: Path, part_size: int) -> None:
        self.sources = sources
        self.base = base
        self.part_size = part_size

    def settings(self) -> Mapping[str, Any]:
        return {"sources": [source.model_dump(mode="json") for source in self.sources]}

    def run(self, context: Context) -> Summary:
        terms = context.workspace.read_table(TERMS_TABLE, columns=["id", "term", "modality"]).to_pylist()
        rows = spine.in_order(self.schema, self._rows(terms))
        return spine.sync(self, context.store(self.name), rows, min(self.part_size, QUERIES_PER_PART))

    def _rows(self, terms: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        for config in self.sources:
            source = open_source(config, self.base)
            source.check()
            settings = config.model_dump(mode="json")
            if source.searches is None:
                for part in source.listed():
                    row = {"source": config.name, "slice": part.name}
                    revision = fingerprint.digest([settings, part.revision])
                    yield {"id": f"{config.name}-{part.name}", "kind": "query", "revision": revision, **row}
                continue
            revision = fingerprint.digest(settings)
            for term in terms:
                if term["modality"] in (source.searches, "both"):
                    row = {"source": config.name, "term": term["term"], "revision": revision}
                    yield {"id": f"{config.name}-{term['id']}", "kind": "query", **row}


class Candidates(Spine):
    """Everything found and not forgotten, merged by id: the terms that found a candidate are kept, all of them.

    Where searches tell different things of one candidate, the answer to the first query in order of id counts, and in
    it the first; captions are those of all. `unranked` names the demand of `harvest.rank` that a sound met for none of
    its terms. The merge goes through the disk: memory does not grow with the number of candidates. It is made again
    where an answer or `harvest.rank` has changed.
    """

    name = "harvest/candidates"
    version = 2
    reads = ("harvest/queries", "harvest/search")
    columns = {**CANDIDATE_COLUMNS, "terms": pa.list_(pa.string()), "unranked": pa.string()}

    def __init__(self, part_size: int, rank: RankConfig) -> None:
        self.part_size = part_size
        self.rank = rank

    def settings(self) -> Mapping[str, Any]:
        return {"rank": self.rank.model_dump(mode="json")}

    def run(self, context: Context) -> Summary:
        return spine.standing(self, context) or spine.settle(self, context, self._sync(context))

    def _sync(self, context: Context) -> Summary:
        store = context.store("harvest/search")
        asked = _asked(context.store("harvest/queries").tables(["status", "source", "slice"]))
        tables = store.tables(["status", "term", "candidates"])
        answers = self._found(tables, asked, forgotten.read(context.workspace))
        found = spine.in_order(FOUND, answers, "query", "number")
        return spine.sync(self, context.store(self.name), merged(found), self.part_size)

    def _found(
        self, tables: Iterable[pa.Table], asked: Mapping[str, Collection[str]], gone: Forgotten
    ) -> Iterator[dict[str, Any]]:
        """Every answer to every query that may stay, a row each, numbered within its query."""
        answered = (table.slice(place, 1) for table in tables for place in range(len(table)))
        for row in (row for one in answered for row in one.to_pylist() if row["status"] == OK):
            told = {"query": row["id"], "term": row["term"]}
            candidates = names.without(row["candidates"], gone)
            if row["term"] is None:
                candidates = [one for one in candidates if row["id"] in asked.get(one["source"], (row["id"],))]
            sounds = [candidate for candidate in candidates if candidate["kind"] == "audio" and row["term"]]
            unmet = unranked(row["term"], sounds, self.rank) if sounds else []
            left = {sound["id"]: demand for sound, demand in zip(sounds, unmet, strict=True)}
            for number, candidate in enumerate(candidates):
                yield {**candidate, **told, "number": number, "unranked": left.get(candidate["id"])}


def _asked(tables: Iterable[pa.Table]) -> dict[str, set[str]]:
    """The queries for the slices of each source that lists some: what it once listed in others, it lists no longer."""
    asked: dict[str, set[str]] = defaultdict(set)
    for row in (row for table in tables for row in table.to_pylist()):
        if row["status"] == OK and row["slice"] is not None:
            asked[row["source"]].add(row["id"])
    return dict(asked)


FOUND = pa.schema(
    [
        *CANDIDATE,
        *(pa.field(name, pa.string()) for name in ("query", "term", "unranked")),
        pa.field("number", pa.int32()),
    ]
)
"""An answer to a query."""


def merged(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row per id of rows in which those of an id follow each other."""
    for _, answers in groupby(found, key=lambda row: row["id"]):
        rows = list(answers)
        terms = sorted({row["term"] for row in rows if row["term"] is not None})
        captions = list(dict.fromkeys(caption for row in rows for caption in row["captions"] or ()))
        taken = any(row["unranked"] is None for row in rows)
        yield {**rows[0], "captions": captions, "terms": terms, "unranked": None if taken else rows[0]["unranked"]}
