"""An embedder whose vectors are given, and one that makes them of names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vidal.train.evaluate.data import Media


@dataclass
class Given:
    """Vectors by text, and by modality and the name of a file or of another item. Counts what it was asked for."""

    of_texts: Mapping[str, Sequence[float]] = field(default_factory=dict)
    of_media: Mapping[tuple[str, str], Sequence[float]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def texts(self, texts: list[str]) -> np.ndarray:
        self.asked.append(len(texts))
        return np.array([self.of_texts[text] for text in texts], np.float32)

    def media(self, modality: str, items: Sequence[Any]) -> np.ndarray:
        self.asked.append(len(items))
        names = [item.path.name if isinstance(item, Media) else item for item in items]
        return np.array([self.of_media[modality, name] for name in names], np.float32)


class Hashed:
    """Vectors of five numbers, drawn from a hash: the same for the same text or file."""

    def texts(self, texts: list[str]) -> np.ndarray:
        return np.stack([self._drawn(text) for text in texts])

    def media(self, modality: str, items: Sequence[Any]) -> np.ndarray:
        return np.stack([self._drawn(f"{modality} {item}") for item in items])

    @staticmethod
    def _drawn(text: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
        return np.random.default_rng(seed).normal(size=5).astype(np.float32)


def written(root: Path, files: Mapping[str, str]) -> Path:
    """A folder with these files in it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
