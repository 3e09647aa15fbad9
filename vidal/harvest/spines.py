"""The two places where samples get their parts: queries (a source and a term), and candidates merged by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint, spine
from vidal.engine.nodes import Context, Spine, Summary
from vidal.engine.schemas import CANDIDATE_COLUMNS, QUERY_COLUMNS
from vidal.engine.step import OK
from vidal.harvest.config import SourceConfig
from vidal.harvest.sources import open_source
from vidal.terms.table import OUTPUT as TERMS_TABLE


class Queries(Spine):
    """One query per searching source and term, one per listing source."""

    name = "harvest/queries"
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
        return spine.sync(self, context.store(self.name), self._rows(terms), self.part_size)

    def _rows(self, terms: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        for config in self.sources:
            source = open_source(config, self.base)
            revision = fingerprint.digest([config.model_dump(mode="json"), source.revision()])
            asked = [term for term in terms if term["modality"] in (source.searches, "both")]
            for term in asked if source.searches else [{"id": "all", "term": None}]:
                row = {"source": config.name, "term": term["term"], "revision": revision}
                yield {"id": f"{config.name}-{term['id']}", "kind": "query", **row}


class Candidates(Spine):
    """Everything found, merged by id: the terms that found a candidate are kept, all of them.

    Where searches tell different things of one candidate, the answer to the first query in order of id counts.
    """

    name = "harvest/candidates"
    reads = ("harvest/search",)
    columns = {**CANDIDATE_COLUMNS, "terms": pa.list_(pa.string())}

    def __init__(self, part_size: int) -> None:
        self.part_size = part_size

    def settings(self) -> Mapping[str, Any]:
        return {}

    def run(self, context: Context) -> Summary:
        found = context.store("harvest/search").table(["status", "term", "candidates"])
        merged: dict[str, dict[str, Any]] = {}
        for row in sorted(found.to_pylist(), key=lambda row: row["id"]):
            if row["status"] != OK:
                continue
            for candidate in row["candidates"]:
                known = merged.setdefault(candidate["id"], {**candidate, "terms": []})
                if row["term"] is not None and row["term"] not in known["terms"]:
                    known["terms"].append(row["term"])
        for row in merged.values():
            row["terms"].sort()
        return spine.sync(self, context.store(self.name), merged.values(), self.part_size)
