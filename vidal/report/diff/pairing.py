"""The samples of two tables told apart: those of both, of the one alone, and of the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST = 20
"""Pairs of values that are told of a column, the most frequent first."""


@dataclass(frozen=True)
class Samples:
    """Some samples of a table: `rows` of its `keys`, in their order."""

    keys: pa.Array
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, number: int) -> list[str]:
        return self.keys.take(pa.array(self.rows[:number])).to_pylist()

    def all(self) -> list[str]:
        return self.first(len(self.rows))


@dataclass(frozen=True)
class Pairing:
    """Two tables joined by key: `left[i]` and `right[i]` are the rows of one sample in the first and the second, in the
    order of the first; `lost` are the samples of the first alone, `gained` those of the second."""

    keys: pa.Array
    left: np.ndarray
    right: np.ndarray
    lost: Samples
    gained: Samples

    def __len__(self) -> int:
        return len(self.left)

    def other(self, row: int) -> int:
        """The row in the second table of a sample of both, by its row in the first."""
        return int(self.right[np.searchsorted(self.left, row)])

    def samples(self, mask: np.ndarray) -> Samples:
        """Those of a mask [n] over the samples of both."""
        return Samples(self.keys, self.left[mask])


def pair(first: pa.Array, second: pa.Array) -> Pairing:
    """Join two lists of keys, each of which holds a key once."""
    places = pc.index_in(first, second)
    known = places.is_valid().to_numpy(zero_copy_only=False)
    right = places.drop_null().to_numpy()
    alone = np.ones(len(second), bool)
    alone[right] = False
    lost, gained = Samples(first, np.flatnonzero(~known)), Samples(second, np.flatnonzero(alone))
    return Pairing(first, np.flatnonzero(known), right, lost, gained)


@dataclass(frozen=True)
class Turn:
    """Samples that had one value, and have another; None is none."""

    before: Any
    after: Any
    samples: Samples


@dataclass(frozen=True)
class Column:
    """A column whose values changed: for how many samples, from what to what (at most MOST pairs of values)."""

    name: str
    samples: Samples
    turns: tuple[Turn, ...]


def column(name: str, pairing: Pairing, before: pa.ChunkedArray, after: pa.ChunkedArray) -> Column:
    """How a column changed, by its values in the first table and in the second, in the order of their keys."""
    old, new = before.take(pairing.left), after.take(pairing.right)
    if not old.type.equals(new.type):
        old, new = old.cast(pa.string()), new.cast(pa.string())
    values, numbers = _numbered(old, new)
    codes = numbers[: len(old)], numbers[len(old) :]
    changed = np.flatnonzero(codes[0] != codes[1])
    found, of, counts = np.unique(
        codes[0][changed].astype(np.int64) * len(values) + codes[1][changed], return_inverse=True, return_counts=True
    )
    turns = []
    for number in np.argsort(-counts, kind="stable")[:MOST]:
        samples = Samples(pairing.keys, pairing.left[changed[of == number]])
        turns.append(Turn(values[found[number] // len(values)], values[found[number] % len(values)], samples))
    return Column(name, Samples(pairing.keys, pairing.left[changed]), tuple(turns))


def _numbered(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[list[Any], np.ndarray]:
    """The distinct values of both, null among them, and the number of each."""
    both = pa.chunked_array([*old.chunks, *new.chunks], old.type).combine_chunks()
    both = both.dictionary_encode(null_encoding="encode")
    return both.dictionary.to_pylist(), both.indices.to_numpy()
