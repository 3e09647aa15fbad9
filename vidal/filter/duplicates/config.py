"""The section `filter.duplicates` of the pipeline file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vidal.engine.config import Section


class PerceptualConfig(Section):
    """Near duplicates by hashes of keyframes."""

    max_distance: int = Field(10, ge=0, le=64)
    """Most bits, of 64, in which two keyframes that show the same differ."""
    min_share: float = Field(0.5, gt=0, le=1)
    """Least share of the keyframes of two clips that must show the same."""


class SemanticConfig(Section):
    """Duplicates by embeddings, of which one of each group is kept (SemDeDup, arXiv 2303.09540)."""

    over: Literal["clip", "clap"] = "clip"
    """Whose embeddings are compared."""
    min_cosine: float = Field(0.95, gt=0, le=1)
    """Least cosine of two samples that count as the same."""


class EvaluationConfig(Section):
    """A test set whose samples must not be in the dataset."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    """How it is named."""
    titles: str | None = None
    """A text file of its captions, one per line."""
    embeddings: str | None = None
    """A Parquet file with a column `embedding` of the same model's embeddings."""
    min_cosine: float = Field(0.95, gt=0, le=1)
    """Least cosine that counts as the same."""


class DuplicatesConfig(Section):
    """Which samples count as duplicates, across the whole dataset and against test sets."""

    perceptual: PerceptualConfig | None = PerceptualConfig()
    semantic: SemanticConfig | None = None
    against: tuple[EvaluationConfig, ...] = ()
    """Test sets."""
