"""The `terms` section of the pipeline file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vidal.engine.config import Section


class TermSource(Section):
    """A corpus of labels or captions, one per line; empty lines and lines that begin with `#` are skipped."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """How the source is named in the database."""
    kind: Literal["labels", "captions"]
    """Labels name things; captions are sentences about a picture."""
    path: str
    """A UTF-8 text file, relative to the pipeline file, or `vidal:…` for one that comes with vidal."""


class TermsConfig(Section):
    """Which search terms there are. An empty list of sources means that no term is searched for."""

    sources: tuple[TermSource, ...] = ()
    """The corpora to pool."""
    min_count: int = Field(1, ge=1)
    """Fewest times a term must stand in the sources together."""
    max_count: int | None = Field(None, ge=1)
    """Most times a term may stand in the sources together."""
    limit: int | None = Field(None, ge=1)
    """Size of the balanced subset; every term where absent. VIDAL-10M has 100,000 (paper, section 4.1)."""
