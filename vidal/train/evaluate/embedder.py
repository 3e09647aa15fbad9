"""What is measured: texts and media as vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

TEXT = "text"
"""The side of a comparison that is language."""


class Embedder(Protocol):
    """A model, or what takes its place. Vectors are not normalised, and all of one width."""

    def texts(self, texts: list[str]) -> np.ndarray:
        """Texts to float32 [n, width]."""
        ...

    def media(self, modality: str, items: Sequence[Any]) -> np.ndarray:
        """What stands for items in a modality (`Media` for a benchmark) to float32 [n, width]."""
        ...


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [n, width] at length 1, float32. A vector of zeros stays what it is."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def parts(side: str) -> tuple[str, ...]:
    """The modalities of a side of a comparison: `video+audio` is two that are joined."""
    return tuple(side.split("+"))
