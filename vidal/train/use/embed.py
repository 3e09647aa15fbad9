"""Embeddings of files, arrays and texts, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vidal.engine.errors import ConfigError
from vidal.train.evaluate.data import Media
from vidal.train.evaluate.embedder import unit
from vidal.train.use.embedder import Towers
from vidal.train.use.loading import load

LANGUAGE = "language"


def embed(
    inputs: Mapping[str, Sequence[Any]], models: Mapping[str, str] | Towers, device: str = "auto"
) -> dict[str, np.ndarray]:
    """See `vidal.embed`."""
    for name, items in inputs.items():
        if isinstance(items, str | bytes | Path) or not isinstance(items, Sequence | np.ndarray):
            raise ConfigError(f"{name}: expected a list, not {type(items).__name__}")
    towers = models if isinstance(models, Towers) else load(models, device)
    return {name: unit(_vectors(towers, name, list(items))) for name, items in inputs.items()}


def _vectors(towers: Towers, name: str, items: list[Any]) -> np.ndarray:
    if name != LANGUAGE:
        return towers.media(name, [Media(Path(one)) if isinstance(one, str | Path) else one for one in items])
    wrong = next((one for one in items if not isinstance(one, str)), None)
    if wrong is not None:
        raise ConfigError(f"{LANGUAGE}: expected texts, not {type(wrong).__name__}")
    return towers.texts(items)
