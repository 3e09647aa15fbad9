"""The section `filter.duplicates` of the pipeline file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from vidal.engine.config import Section


class PerceptualConfig(Section):
    """Near duplicates by hashes of keyframes."""

    max_distance: float = Field(0.27, ge=0, lt=1)
    """Greatest distance of two keyframes that show the same: the share of what is told of either in which they
    differ. Measured by `bench/duplicates.py`."""
    min_share: float = Field(0.6, gt=0, le=1)
    """Least share of the keyframes of each of two clips that must show the same as one of the other's."""


class SemanticConfig(Section):
    """Duplicates by embeddings, of which one of each group is kept (SemDeDup, arXiv 2303.09540)."""

    clip: float | None = Field(None, gt=0, le=1)
    """Least cosine of the CLIP embeddings of two clips that count as the same; clips are not compared where absent."""
    clap: float | None = Field(None, gt=0, le=1)
    """Least cosine of the CLAP embeddings of two sounds that count as the same. Sounds are compared with sounds: clips
    that share their music alone are not the same."""

    @model_validator(mode="after")
    def _something(self) -> SemanticConfig:
        if self.clip is None and self.clap is None:
            raise ValueError("give a least cosine: `clip` for clips, `clap` for sounds")
        return self


class EvaluationConfig(Section):
    """A test set whose samples must not be in the dataset."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    """How it is named in `leaks_into`."""
    titles: str | None = None
    """A file of its titles or captions, relative to the pipeline file: a text a line in `.txt`, or a `.csv`, `.tsv`,
    `.json`, `.jsonl` or `.parquet` with a `field`; `.gz` too. Equal texts are found, whatever their case and
    punctuation."""
    field: str | None = None
    """Where the titles are: a column, or in json and jsonl a path such as `sentences.item.caption`."""
    embeddings: str | None = None
    """A Parquet file, relative to the pipeline file, with a column `embedding` of lists of numbers, made by the same
    checkpoint."""
    over: Literal["clip", "clap"] = "clip"
    """Whose embeddings they are."""
    min_cosine: float = Field(0.95, gt=0, le=1)
    """Least cosine of embeddings that count as the same."""

    @model_validator(mode="after")
    def _something(self) -> EvaluationConfig:
        if self.titles is None and self.embeddings is None:
            raise ValueError(f"the test set {self.name} needs `titles`, `embeddings` or both")
        return self


class DuplicatesConfig(Section):
    """Which samples count as duplicates, across the whole dataset and against test sets. Files of equal bytes always
    do."""

    perceptual: PerceptualConfig | None = PerceptualConfig()
    """Clips that show the same, encoded, scaled, cropped, cut, mirrored or marked otherwise; `null`: none."""
    semantic: SemanticConfig | None = None
    """Samples of the same content, as a model sees or hears it."""
    against: tuple[EvaluationConfig, ...] = ()
    """Test sets, in order: a sample of several is told of the first."""

    @model_validator(mode="after")
    def _named_once(self) -> DuplicatesConfig:
        names = [one.name for one in self.against]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two test sets have the name {twice}")
        return self
