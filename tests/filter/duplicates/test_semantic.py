"""Embeddings in clusters against comparing every pair."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from tests.filter.duplicates.conftest import lists, population
from vidal.filter.duplicates import semantic
from vidal.filter.duplicates.semantic import same, unit

LEAST = 0.95
NONE = np.zeros(0, np.int64)


def beside(rng, vectors, cosines):
    noise = rng.standard_normal(vectors.shape)
    noise -= np.sum(noise * vectors, axis=1, keepdims=True) * vectors
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    return cosines * vectors + np.sqrt(1 - np.square(cosines)) * noise


def planted(seed, count=1500, width=64):
    """float16 vectors, most of them beside another at cosines around LEAST."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, width))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for start in range(count // 5, count, count // 5):
        size = count // 5
        of = rng.integers(0, start, size)
        vectors[start : start + size] = beside(rng, vectors[of], rng.uniform(0.92, 1.0, (size, 1)))
    return vectors.astype(np.float16)


def one_by_one(vectors, least=LEAST):
    vectors = vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T >= least
    found = np.full(len(vectors), -1)
    for place in range(len(vectors)):
        kept = np.flatnonzero(alike[place, :place] & (found[:place] < 0))
        found[place] = kept[0] if len(kept) else -1
    return found


def people(count, **facts):
    return population(*({"id": f"{number:05d}", **facts} for number in range(count)))


def as_lists(vectors, rows=None):
    return lists(*vectors, rows=rows)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("chunk", [97, 2048])
def test_a_few_samples_are_compared_with_every_other(seed, chunk, monkeypatch):
    monkeypatch.setattr(semantic, "CHUNK", chunk)
    vectors = planted(seed)
    expected = one_by_one(vectors)
    assert same(people(len(vectors)), as_lists(vectors), "video", LEAST).tolist() == expected.tolist()
    assert 300 < (expected >= 0).sum() < 1200


def test_of_many_clusters_the_nearest_few_hold_nearly_all(monkeypatch):
    monkeypatch.setattr(semantic, "PROBES", 8)
    vectors = planted(7, 5000, 32)
    found, expected = same(people(len(vectors)), as_lists(vectors), "video", LEAST), one_by_one(vectors)
    wanted = expected >= 0
    assert (found[wanted] >= 0).mean() > 0.98
    assert not (found[~wanted] >= 0).any() or (found[~wanted] >= 0).mean() < 0.02
    cosines = np.sum(unit(vectors[found >= 0]) * unit(vectors[found[found >= 0]]), axis=1)
    assert cosines.min() >= LEAST - 1e-6


def test_threads_and_the_order_of_reading_change_nothing():
    vectors = planted(8, 3000, 32)
    straight = same(people(len(vectors)), as_lists(vectors), "video", LEAST)
    rows = np.random.default_rng(0).permutation(len(vectors))
    before = faiss.omp_get_max_threads()
    try:
        for threads in (1, 3):
            faiss.omp_set_num_threads(threads)
            found = same(people(len(vectors)), as_lists(vectors[rows], rows), "video", LEAST)
            assert found.tolist() == straight.tolist()
            assert faiss.omp_get_max_threads() == threads
    finally:
        faiss.omp_set_num_threads(before)


def test_the_best_of_equals_is_kept():
    vectors = np.repeat(planted(1, 5, 16)[:1], 4, axis=0)
    found = same(
        population("a", {"id": "b", "source_height": 512}, "c", {"id": "d", "source_height": 512, "seconds": 9.0}),
        as_lists(vectors),
        "video",
        LEAST,
    )
    assert found.tolist() == [3, 3, 3, -1]


def test_kinds_are_not_mixed():
    vectors = np.repeat(planted(1, 5, 16)[:1], 4, axis=0)
    mixed = population("a", {"id": "b", "kind": "audio"}, "c", {"id": "d", "kind": "audio"})
    assert same(mixed, as_lists(vectors), "video", LEAST).tolist() == [-1, -1, 0, -1]
    assert same(mixed, as_lists(vectors), "audio", LEAST).tolist() == [-1, -1, -1, 1]


def test_what_is_no_embedding_is_like_nothing():
    vectors = np.repeat(planted(1, 5, 16)[:1], 6, axis=0)
    vectors[1:3] = 0
    vectors[3:5, 2] = np.nan
    assert same(people(6), as_lists(vectors), "video", LEAST).tolist() == [-1, -1, -1, -1, -1, 0]
    assert same(people(2), lists(np.zeros(0, np.float16), rows=NONE), "video", LEAST).tolist() == [-1, -1]


def test_lengths_do_not_matter():
    vector = planted(1, 5, 16)[:1]
    vectors = np.concatenate([vector, vector * np.float16(3), -vector])
    assert same(people(3), as_lists(vectors), "video", LEAST).tolist() == [-1, 0, -1]
