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
    compat: bool = False
    """Squash every frame to 448 × 796 before the network, as the original does, in place of keeping its aspect."""


class InfraredConfig(Section):
    """Pseudo-infrared of every keyframe."""

    checkpoint: str
    """An sRGB-TIR checkpoint: a folder, or `demo:srgb-tir`."""
    compat: bool = False
    """The original's recipe: every frame squashed to 640 × 400, a style of its own for each frame, the levels of each
    picture stretched over the whole range, and JPEG of quality 75. Frames then flicker, and no level means the same
    warmth twice."""


class GenerateConfig(Section):
    """Which modalities to generate. A section left out is a modality not made."""

    depth: DepthConfig | None = None
    infrared: InfraredConfig | None = None
