"""`harvest/search`: what each query finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine.errors import SampleError
from vidal.engine.schemas import CANDIDATE, QUERY_COLUMNS
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.harvest.config import SourceConfig
from vidal.harvest.sources import Source, open_source


class Search(Step):
    """Asks a source for a term. A source's settings are in the query's `revision`, so another source added to the
    pipeline file makes no answered query stale."""

    name = "harvest/search"
    kinds = frozenset({"query"})
    reads = (Read("harvest/queries", tuple(QUERY_COLUMNS)),)
    columns = {"term": pa.string(), "candidates": pa.list_(CANDIDATE)}
    resources = Resources(cpus=0.5, threads=4)

    def __init__(self, sources: Sequence[SourceConfig], base: Path) -> None:
        self._configs = sources
        self._base = base
        self._sources: dict[str, Source] = {}

    def settings(self) -> Mapping[str, Any]:
        return {}

    def setup(self) -> None:
        self._sources = {config.name: open_source(config, self._base) for config in self._configs}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        results = []
        for sample in samples:
            source, term = self._sources[sample.columns["source"]], sample.columns["term"]
            candidates = [candidate.to_row() for candidate in source.search(term)]
            _check(source.name, candidates)
            results.append(sample.ok({"term": term, "candidates": candidates}))
        return results


def _check(source: str, candidates: Sequence[Mapping[str, Any]]) -> None:
    """Raise SampleError where a site answered with values of other types than it documents."""
    try:
        pa.array(candidates, CANDIDATE)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise SampleError("BadAnswer", f"{source}: {' '.join(str(error).split())}") from error
