"""Clips that show the same: as many of the keyframes of each as a share asks for look like one of the other's.

Any keyframe may match any, since a cut or another speed moves the instants; all at once may be mirrored. Keyframes that
show nothing are left out. Candidates come from an index of hashes: of clips of which `share` of the keyframes match,
any `n - ceil(share · n) + 1` of the n keyframes of one hold a match, so that the index needs no more of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from vidal.filter.duplicates.config import PerceptualConfig
from vidal.filter.duplicates.leaders import leaders
from vidal.filter.duplicates.population import Population
from vidal.filter.duplicates.spill import Lists
from vidal.filter.duplicates.threads import one_thread
from vidal.filter.hashes import BITS, mirrored

LEAST_BITS = 32
"""Bits set in the hash of a picture that shows something: fewer are noise, a fade or a plain wall."""
NEIGHBOURS = 32
"""Hashes nearest to a keyframe that are looked at. A picture that more clips share (a title card) hides none of them as
long as their other keyframes differ."""
FLAT = 20_000
"""Hashes that are compared one by one; more are divided into lists."""
PROBES = 8
"""Lists whose hashes are compared with one."""
BLOCK = 1 << 16
"""Hashes whose bits are counted at once."""


def near(population: Population, hashes: Lists, config: PerceptualConfig) -> np.ndarray:
    """For each row the row of the kept clip it is a near duplicate of, -1 where there is none."""
    shown = _shown(hashes.data)
    rows = np.full(len(population), -1, np.int64)
    if not shown.any():
        return rows
    showing = np.logical_or.reduceat(shown, hashes.starts[:-1])
    entries = np.flatnonzero(showing & population.is_kind("video")[hashes.rows])
    entries = entries[np.argsort(population.rank[hashes.rows[entries]])]
    with one_thread():
        found = leaders(len(entries), FrameLikeness(hashes, shown, entries, config))
    later = np.flatnonzero(found >= 0)
    rows[hashes.rows[entries[later]]] = hashes.rows[entries[found[later]]]
    return rows


class FrameLikeness:
    """Likeness of clips by their keyframes, of which those `shown` are compared; place i is entry `entries[i]` of
    `hashes`."""

    def __init__(self, hashes: Lists, shown: np.ndarray, entries: np.ndarray, config: PerceptualConfig) -> None:
        self._hashes = hashes
        self._shown = shown
        self._entries = entries
        self._config = config
        self._kept = _index(self._drawn())

    def kept_before(self, places: np.ndarray) -> np.ndarray:
        found = np.full(len(places), -1, np.int64)
        for kept, place in self._alike(self._kept, places):
            at = place - places[0]
            found[at] = kept if found[at] < 0 else min(found[at], kept)
        return found

    def among(self, places: np.ndarray) -> Iterator[tuple[int, int]]:
        index = _flat()
        self._add(index, places)
        yield from self._alike(index, places)

    def add(self, places: np.ndarray) -> None:
        self._add(self._kept, places)

    def frames(self, place: int) -> np.ndarray:
        """The hashes of the keyframes of a clip that show something, uint8 [n, BYTES], n ≥ 1."""
        entry = self._entries[place]
        start, stop = self._hashes.starts[entry : entry + 2]
        return self._hashes.data[start:stop][self._shown[start:stop]]

    def _add(self, index: Any, places: np.ndarray) -> None:
        chosen = [self._chosen(self.frames(place)) for place in places]
        if chosen:
            owners = np.repeat(places, [len(frames) for frames in chosen]).astype(np.int64)
            index.add_with_ids(np.concatenate(chosen), owners)

    def _chosen(self, frames: np.ndarray) -> np.ndarray:
        """As many keyframes as hold a match of every clip that is like this one."""
        count = len(frames) - math.ceil(self._config.min_share * len(frames)) + 1
        return frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]

    def _alike(self, index: Any, places: np.ndarray) -> Iterator[tuple[int, int]]:
        """Pairs (of the index, of the places) that are alike and in that order."""
        if not len(places) or not index.ntotal:
            return
        frames = [self.frames(place) for place in places]
        asking = np.repeat(places, [len(some) for some in frames])[:, None]
        stacked = np.concatenate(frames)
        reach = _reach(stacked, self._config.max_distance)[:, None]
        pairs = []
        for turned in (stacked, mirrored(stacked)):
            differ, owners = index.search(turned, min(NEIGHBOURS, index.ntotal))
            could = (differ <= reach) & (owners >= 0) & (owners < asking)
            pairs.append(np.stack([owners[could], np.broadcast_to(asking, owners.shape)[could]], axis=-1))
        for earlier, later in np.unique(np.concatenate(pairs), axis=0).tolist():
            if alike(self.frames(earlier), self.frames(later), self._config):
                yield earlier, later

    def _drawn(self) -> np.ndarray:
        """Hashes that lead the lists of the index: a keyframe each of clips evenly spaced in the order."""
        total = len(self._hashes.data)
        if total <= FLAT:
            return np.zeros((0, BITS // 8), np.uint8)
        places = np.linspace(0, len(self._entries) - 1, min(round(2 * math.sqrt(total)), len(self._entries)))
        picked = [self.frames(place) for place in places.astype(int)]
        return np.unique(np.stack([some[len(some) // 2] for some in picked]), axis=0)


def alike(one: np.ndarray, other: np.ndarray, config: PerceptualConfig) -> bool:
    """Whether clips with these hashes of keyframes, uint8 [n, BYTES] and [m, BYTES], show the same, or mirrored."""
    return any(_share(turned, other, config.max_distance) >= config.min_share for turned in (one, mirrored(one)))


def _share(one: np.ndarray, other: np.ndarray, distance: float) -> float:
    matches = distances(one, other) <= distance
    return min(matches.any(0).mean(), matches.any(1).mean())


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Share of the bits set in either hash that are not set in both, float [n, m] for uint8 [n, BYTES], [m, BYTES]."""
    left, right = (np.ascontiguousarray(hashes).view(np.uint64) for hashes in (one, other))
    differ = np.bitwise_count(left[:, None] ^ right[None]).sum(-1, dtype=np.int64)
    either = np.bitwise_count(left[:, None] | right[None]).sum(-1, dtype=np.int64)
    return differ / np.maximum(either, 1)


def _reach(hashes: np.ndarray, distance: float) -> np.ndarray:
    """The most bits in which a hash within the distance of each of these differs from it.

    Of the u bits set in either, at least (1 - distance) · u are set in both and so in one, and at most distance · u
    differ.
    """
    return np.floor(_bits(hashes) * distance / (1 - distance) + 1e-9)


def _bits(hashes: np.ndarray) -> np.ndarray:
    return np.bitwise_count(hashes.view(np.uint64)).sum(-1, dtype=np.int64)


def _shown(hashes: np.ndarray) -> np.ndarray:
    """Which hashes, uint8 [n, BYTES], are of pictures that show something."""
    blocks = (hashes[start : start + BLOCK] for start in range(0, len(hashes), BLOCK))
    return np.concatenate([np.zeros(0, bool), *(_bits(np.ascontiguousarray(b)) >= LEAST_BITS for b in blocks)])


def _flat() -> Any:
    import faiss

    return faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(BITS))


def _index(leading: np.ndarray) -> Any:
    """An index of hashes: one by one, or, where hashes are given to lead lists, divided into theirs."""
    import faiss

    if not len(leading):
        return _flat()
    quantizer = faiss.IndexBinaryFlat(BITS)
    quantizer.add(leading)
    index = faiss.IndexBinaryIVF(quantizer, BITS, len(leading))
    index.is_trained = True
    index.nprobe = PROBES
    return index
