"""What the scores by models share: embeddings as they are stored, those of texts, and a look at what a model gave."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from threading import Lock

import numpy as np
import pyarrow as pa

from vidal.engine.errors import SampleError

EMBEDDING = pa.list_(pa.float16())
"""How an embedding lies in a Parquet part: half precision, of unit length before it was rounded."""
KEPT_TERMS = 8192
"""Terms whose embeddings a worker keeps: of 1024 numbers, 32 MB."""

Embed = Callable[[Sequence[str]], np.ndarray]


def centre(vectors: np.ndarray) -> np.ndarray:
    """The mean of float32 [n, width], n ≥ 1, brought to unit length, as float16 [width]; SampleError `NotFinite`."""
    mean = np.mean(finite(vectors), axis=0, dtype=np.float32)
    return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float16)


def finite(values: np.ndarray) -> np.ndarray:
    """The values themselves; SampleError `NotFinite` where a network gave what is no number, as half precision may."""
    if not np.isfinite(values).all():
        raise SampleError("NotFinite", "the model gave values that are no numbers")
    return values


class TextEmbeddings:
    """Embeddings of texts by `embed`, which takes texts to float32 [n, width]: each distinct text of a batch once, and
    the terms, which many samples share, once in a worker's life as long as `kept` others have not come since. Several
    threads may ask."""

    def __init__(self, embed: Embed, kept: int = KEPT_TERMS) -> None:
        self._embed = embed
        self._kept = kept
        self._terms: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def of(self, titles: Iterable[str], terms: Iterable[str]) -> dict[str, np.ndarray]:
        """The embedding of every text asked for, by text."""
        terms = dict.fromkeys(terms)
        asked = dict.fromkeys((*terms, *titles))
        with self._lock:
            found = {text: self._terms[text] for text in asked if text in self._terms}
            new = [text for text in asked if text not in found]
            if new:
                found.update(zip(new, self._embed(new), strict=True))
            for term in terms:
                self._terms[term] = found[term]
                self._terms.move_to_end(term)
            while len(self._terms) > self._kept:
                self._terms.popitem(last=False)
            return found
