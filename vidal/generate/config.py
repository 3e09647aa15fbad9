"""The `generate` section of the pipeline file."""

from __future__ import annotations

from pydantic import Field

from vidal.engine.config import Section


class DepthConfig(Section):
    """Depth of every keyframe."""

    checkpoint: str
    """A `transformers` depth-estimation checkpoint: a Hugging Face id, a folder, or `demo:depth`."""
    max_metres: float = Field(10.0, gt=0, le=65.535)
    """Where metric depth is clipped (the original's 10 m)."""


class InfraredConfig(Section):
    """Pseudo-infrared of every keyframe."""

    checkpoint: str
    """An sRGB-TIR checkpoint: a folder, or `demo:srgb-tir`."""


class GenerateConfig(Section):
    """Which modalities to generate. A section left out is a modality not made."""

    depth: DepthConfig | None = None
    infrared: InfraredConfig | None = None
