"""`harvest/search`: what each query finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine.errors import SampleError
from vidal.engine.forgotten import Forgotten
from vidal.engine.schemas import CANDIDATE, QUERY_COLUMNS
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.harvest import names
from vidal.harvest.config import HarvestConfig
from vidal.harvest.network.client import Network
from vidal.harvest.sources import Source, open_source
from vidal.harvest.uploaders import Uploaders


class Search(Step):
    """Asks a source for a term, or for a slice of what it lists. A source's settings are in the query's `revision`, so
    another source added to the pipeline file makes no answered query stale."""

    name = "harvest/search"
    kinds = frozenset({"query"})
    reads = (Read("harvest/queries", tuple(QUERY_COLUMNS)),)
    columns = {"term": pa.string(), "candidates": pa.list_(CANDIDATE)}
    resources = Resources(cpus=0.5, threads=4)

    def __init__(self, config: HarvestConfig, base: Path) -> None:
        self._config = config
        self._base = base
        self._uploaders = Uploaders(config.uploaders)
        self._forgotten = Forgotten()
        self._network: Network | None = None
        self._sources: dict[str, Source] = {}

    def settings(self) -> Mapping[str, Any]:
        return {"uploaders": self._config.uploaders.keep}

    def keep_out(self, forgotten: Forgotten) -> None:
        self._forgotten = forgotten

    def setup(self) -> None:
        self._network = Network(self._config.network, self._base)
        opened = [open_source(config, self._base, self._network) for config in self._config.sources]
        self._sources = {source.name: source for source in opened}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        results = []
        for sample in samples:
            source, term = self._sources[sample.columns["source"]], sample.columns["term"]
            with self._network.attempt():
                found = list(source.search(sample.columns["slice"] if term is None else term))
            candidates = [self._uploaders.kept(candidate.to_row()) for candidate in found]
            _check(source.name, candidates)
            results.append(sample.ok({"term": term, "candidates": names.without(candidates, self._forgotten)}))
        return results


def _check(source: str, candidates: Sequence[Mapping[str, Any]]) -> None:
    """Raise SampleError where a site answered with values of other types than it documents."""
    try:
        pa.array(candidates, CANDIDATE)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise SampleError("BadAnswer", f"{source}: {' '.join(str(error).split())}") from error
