"""Samples of the same content, by the cosine of their embeddings: SemDeDup (arXiv 2303.09540).

Embeddings are divided into clusters by k-means, as there, and a sample is compared with those kept of the clusters
nearest to it: with those of its own alone, pairs across a border would be missed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from vidal.filter.duplicates.leaders import leaders
from vidal.filter.duplicates.population import Population
from vidal.filter.duplicates.spill import Lists
from vidal.filter.duplicates.threads import one_thread

CHUNK = 2048
NEIGHBOURS = 8
"""Kept samples nearest to one that are looked at; kept ones are never alike, so that few can be near the same."""
PROBES = 16
"""Clusters whose kept samples are compared with one."""
PER_CLUSTER = 40
"""Embeddings a cluster is learned from."""
ROUNDS = 8
SEED = 0
SLACK = 2e-3
"""How far a cosine in half precision may be from that of the embeddings themselves."""


def same(population: Population, vectors: Lists, kind: str, least: float) -> np.ndarray:
    """For each row of a kind the row of the kept sample whose embedding's cosine with its own is `least` or more, -1
    where there is none. `vectors` is float16, all of one width."""
    rows = np.full(len(population), -1, np.int64)
    entries = np.flatnonzero(population.is_kind(kind)[vectors.rows])
    if not len(entries):
        return rows
    entries = entries[np.argsort(population.rank[vectors.rows[entries]])]
    with one_thread():
        found = leaders(len(entries), VectorLikeness(matrix(vectors), entries, least), CHUNK)
    later = np.flatnonzero(found >= 0)
    rows[vectors.rows[entries[later]]] = vectors.rows[entries[found[later]]]
    return rows


def matrix(vectors: Lists) -> np.ndarray:
    """The embeddings as rows [n, width]; they are all of one width, n ≥ 1."""
    return vectors.data.reshape(len(vectors.rows), -1)


class VectorLikeness:
    """Likeness by cosine; place i is row `entries[i]` of `data`, float16 [n, width]."""

    def __init__(self, data: np.ndarray, entries: np.ndarray, least: float) -> None:
        self._data = data
        self._entries = entries
        self._least = least
        self._kept = _index(self._centres())

    def kept_before(self, places: np.ndarray) -> np.ndarray:
        vectors = self.unit(places)
        cosines, kept = self._kept.search(vectors, NEIGHBOURS)
        asking, near = np.nonzero((kept >= 0) & (cosines >= self._least - SLACK))
        owners = kept[asking, near]
        alike = self._cosines(places[asking], owners) >= self._least
        found = np.full(len(places), len(self._entries), np.int64)
        np.minimum.at(found, asking[alike], owners[alike])
        return np.where(found < len(self._entries), found, -1)

    def among(self, places: np.ndarray) -> Iterator[tuple[int, int]]:
        vectors = self.unit(places)
        earlier, later = np.nonzero(np.triu(vectors @ vectors.T >= self._least - SLACK, 1))
        alike = self._cosines(places[earlier], places[later]) >= self._least
        yield from zip(places[earlier[alike]].tolist(), places[later[alike]].tolist(), strict=True)

    def add(self, places: np.ndarray) -> None:
        if len(places):
            self._kept.add_with_ids(self.unit(places), places)

    def unit(self, places: np.ndarray) -> np.ndarray:
        """Embeddings brought to unit length, float32 [n, width]; zeros where one is of no length or no numbers."""
        return unit(self._data[self._entries[places]])

    def _cosines(self, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Cosines of pairs, each computed by itself, so that they depend on neither threads nor neighbours."""
        blocks = range(0, len(ones), CHUNK)
        pairs = ((self.unit(ones[at : at + CHUNK]), self.unit(others[at : at + CHUNK])) for at in blocks)
        return np.concatenate([np.zeros(0), *(np.sum(one * other, 1, dtype=np.float64) for one, other in pairs)])

    def _centres(self) -> np.ndarray:
        """Centres of the clusters, float32 [k, width], learned from embeddings evenly spaced in the order."""
        import faiss

        count = len(self._entries)
        clusters = max(1, min(round(2 * math.sqrt(count)), count // (2 * PER_CLUSTER)))
        drawn = np.linspace(0, count - 1, min(count, clusters * PER_CLUSTER)).astype(np.int64)
        vectors = self.unit(drawn)
        learned = faiss.Kmeans(
            vectors.shape[1], clusters, niter=ROUNDS, seed=SEED, spherical=True, min_points_per_centroid=1
        )
        learned.train(vectors)
        return learned.centroids


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows brought to unit length, float32; zeros where one is of no length or holds what is no number."""
    found = vectors.astype(np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0)
    return np.where(usable, found / np.where(usable, lengths, 1), np.float32(0))


def _index(centres: np.ndarray) -> Any:
    """An index in half precision of what is kept, in clusters around the centres."""
    import faiss

    clusters, width = centres.shape
    quantizer = faiss.IndexFlatIP(width)
    quantizer.add(centres)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, width, clusters, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
    )
    index.is_trained = True
    index.nprobe = min(PROBES, clusters)
    return index
