"""`harvest/admit`: what is known of a sample in the end, of a search and of its page, and the rules on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vidal.engine.schemas import CANDIDATE_COLUMNS
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.harvest.candidate import updated
from vidal.harvest.screening.config import ScreenConfig
from vidal.harvest.screening.rules import READS, Rules
from vidal.harvest.uploaders import Uploaders

PROVENANCE = ("licence", "uploader", "uploader_id", "language", "published", "description")
"""What a page tells better than a search, and a sample's record keeps."""


class Admit(Step):
    """Applies the metadata rules of `harvest.screen` to all that is known once the media are there, so that a rule made
    stricter later holds for what was fetched before. It decides on facts alone and fetches nothing."""

    name = "harvest/admit"
    columns = {name: CANDIDATE_COLUMNS[name] for name in PROVENANCE}
    resources = Resources(batch_size=64)

    def __init__(self, config: ScreenConfig, base: Path, uploaders: Uploaders | None = None) -> None:
        told = dict.fromkeys((*(name for name in READS if name != "unranked"), *PROVENANCE))
        self.reads = (Read("harvest/candidates", tuple(told)), Read("harvest/media", ("page",)))
        self.rules = Rules(config, base, uploaders)

    def settings(self) -> Mapping[str, Any]:
        return self.rules.metadata_settings()

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Result:
        known = updated(sample.columns, sample.columns["page"] or {})
        columns = {name: known[name] for name in PROVENANCE}
        rule = self.rules.failed({**known, "id": sample.id})
        return sample.rejected(rule, columns) if rule else sample.ok(columns)
