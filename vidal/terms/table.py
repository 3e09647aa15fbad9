"""`terms/terms.parquet`: the search-term database as the engine builds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint
from vidal.engine.nodes import Context, Summary, Table, fingerprint_of
from vidal.engine.schemas import TERMS
from vidal.resources import locate, read_text
from vidal.terms.config import TermsConfig, TermSource
from vidal.terms.select import balanced, by_frequency, pool

OUTPUT = "terms/terms.parquet"


class Terms(Table):
    """Pools the sources, drops terms by frequency, and keeps a balanced subset."""

    name = "terms/terms"

    def __init__(self, config: TermsConfig, base: Path, seed: int) -> None:
        self.config = config
        self.paths = {source.name: locate(source.path, base) for source in config.sources}
        self.seed = seed

    def settings(self) -> Mapping[str, Any]:
        contents = {name: fingerprint.digest(read_text(path)) for name, path in self.paths.items()}
        return {"config": self.config.model_dump(mode="json"), "contents": contents, "seed": self.seed}

    def run(self, context: Context) -> Summary:
        state = fingerprint_of(self)
        before = context.workspace.table_metadata(OUTPUT)
        if before.get("state") == state:
            return Summary(int(before["terms"]), int(before["terms"]), 0)
        pooled = pool(entry for source in self.config.sources for entry in _entries(source, self.paths[source.name]))
        frequent = by_frequency(pooled, self.config.min_count, self.config.max_count)
        chosen = balanced(frequent, self.config.limit or len(frequent), self.seed)
        rows = [
            {
                "id": term.id,
                "term": term.text,
                "kind": term.kind,
                "sources": list(term.sources),
                "count": term.count,
                "keywords": list(term.keywords),
            }
            for term in chosen
        ]
        table = pa.Table.from_pylist(rows, schema=TERMS)
        context.workspace.write_table(OUTPUT, table, {"state": state, "terms": str(len(rows))})
        dropped = {"frequency": len(pooled) - len(frequent), "balance": len(frequent) - len(chosen)}
        return Summary(len(pooled), 0, len(rows), {rule: count for rule, count in dropped.items() if count})


def _entries(source: TermSource, path: Path) -> Iterator[tuple[str, str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                yield source.name, source.kind, line
