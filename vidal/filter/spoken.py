"""What a model is told of a sample's texts."""

from __future__ import annotations

from vidal.engine.step import Sample


def spoken(sample: Sample) -> str:
    """The cleaned title; where nothing is left of it, the hashtags."""
    return sample.columns["title"] or " ".join(sample.columns["hashtags"] or ())
