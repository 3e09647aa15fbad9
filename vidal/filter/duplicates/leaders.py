"""Groups around the samples that are kept.

Samples are taken in the order in which one would keep them. One that is like a sample kept before it is a duplicate of
that; any other is kept. So each duplicate is like the very sample it is a duplicate of, and two kept ones are never
alike. Joining all that are linked by pairs would do neither: chains of small steps lead from any scene to any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

CHUNK = 128
"""Samples that are compared with those kept before them at once, then with each other."""


class Likeness(Protocol):
    """Which samples are alike. A sample is named by its place in the order."""

    def kept_before(self, places: np.ndarray) -> np.ndarray:
        """For each place the least place, among those added, of a sample that it is like; -1 where there is none."""

    def among(self, places: np.ndarray) -> Iterable[tuple[int, int]]:
        """Every pair (earlier, later) of the places that are alike."""

    def add(self, places: np.ndarray) -> None:
        """Keep samples, to compare later ones with."""


def leaders(count: int, likeness: Likeness, chunk: int = CHUNK) -> np.ndarray:
    """For each of `count` places that of the first kept sample it is like, -1 where it is kept itself, int64 [count].

    The size of the chunks does not matter where `likeness` finds all.
    """
    found = np.full(count, -1, np.int64)
    for start in range(0, count, chunk):
        places = np.arange(start, min(start + chunk, count))
        found[places] = likeness.kept_before(places)
        rest = places[found[places] < 0]
        settle(likeness.among(rest), found)
        likeness.add(rest[found[rest] < 0])
    return found


def settle(pairs: Iterable[tuple[int, int]], found: np.ndarray) -> None:
    """Make the later of each pair (earlier, later) a duplicate of the earlier, where that is kept and it has no leader
    yet, in order; in place."""
    for later, earlier in sorted((later, earlier) for earlier, later in pairs):
        if found[earlier] < 0 and found[later] < 0:
            found[later] = earlier
