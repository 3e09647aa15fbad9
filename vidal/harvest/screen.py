"""`harvest/screen`: rules on a candidate's texts and metadata, before a byte of its media is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.harvest.screening.config import ScreenConfig
from vidal.harvest.screening.rules import RAW_READS, READS, Rules
from vidal.harvest.uploaders import Uploaders


class Screen(Step):
    """Rejects candidates by rule, and cleans the texts of the rest."""

    name = "harvest/screen"
    version = 2
    columns = {"title": pa.string(), "hashtags": pa.list_(pa.string())}
    resources = Resources(batch_size=64)

    def __init__(self, config: ScreenConfig, base: Path, uploaders: Uploaders | None = None) -> None:
        self.reads = (Read("harvest/candidates", (*READS, *RAW_READS) if config.compat else READS),)
        self.rules = Rules(config, base, uploaders)

    def settings(self) -> Mapping[str, Any]:
        return self.rules.settings()

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        results = []
        for sample in samples:
            found = self.rules.screened({"id": sample.id, **sample.columns})
            columns = {"title": found.title, "hashtags": list(found.hashtags)}
            results.append(sample.rejected(found.rule, columns) if found.rule else sample.ok(columns))
        return results
