"""Choosing a subset of the pool whose keywords are as level as the pool allows.

After MetaCLIP's curation (Xu et al. 2024, section 3): the head is cut at a cap per keyword, the tail is kept. There
each text is drawn with a probability; here the cap is searched for which exactly the size asked for is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 16
"""Terms looked at together before the exact, one by one decision about those that may still be taken."""


@dataclass(frozen=True)
class Keyworded:
    """Terms as lists of keyword numbers: those of term i are `keywords[offsets[i]:offsets[i + 1]]`.

    `hashes` uint64 [n] draw the order among equals; `count` is the number of keywords.
    """

    keywords: np.ndarray
    offsets: np.ndarray
    hashes: np.ndarray
    count: int

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, order: np.ndarray) -> Keyworded:
        """The terms in another order."""
        lengths = np.diff(self.offsets)[order]
        offsets = np.zeros(len(order) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        places = np.repeat(self.offsets[:-1][order] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Keyworded(self.keywords[places], offsets, self.hashes[order], self.count)


@dataclass(frozen=True)
class Choice:
    """The chosen terms (their numbers, ascending), the cap under which the last were taken, and how many were needed
    to give every keyword one term."""

    terms: np.ndarray
    cap: int
    covering: int


def balanced(terms: Keyworded, size: int, seed: int) -> Choice:
    """`size` of the terms, or all where there are fewer.

    First every keyword gets a term, the rarest first, and terms that overuse no other keyword before those that do.
    Then terms are added in the order of a seeded hash while all their keywords are used less often than a cap: the
    least cap that yields the size. A pure function of the set of terms, size and seed.
    """
    everything = np.arange(len(terms))
    if len(terms) <= size:
        return Choice(everything, int(frequencies(terms).max(initial=0)), 0)
    drawn = np.lexsort((terms.hashes, _mixed(terms.hashes, seed)))
    terms = terms.take(drawn)
    rare_first = np.argsort(_rarest(terms), kind="stable")
    uses = np.zeros(terms.count, np.int64)
    taken = np.zeros(len(terms), bool)
    most = int(frequencies(terms).max(initial=0))
    cap = 1
    ordered, covers = terms.take(rare_first), np.zeros(len(terms), bool)
    while covers.sum() < size:
        _take(ordered, covers, uses, cap, size, uncovered_only=True)
        if cap > most:
            break
        cap *= 2
    taken[rare_first[covers]] = True
    covering = int(taken.sum())
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _filled(terms, taken, uses, middle, size).sum() >= size:
            high = middle
        else:
            low = middle
    return Choice(np.sort(drawn[_filled(terms, taken, uses, high, size)]), high, covering)


def frequencies(terms: Keyworded, chosen: np.ndarray | None = None) -> np.ndarray:
    """How many terms (of those chosen) have each keyword: int64 [keywords]."""
    shown = terms if chosen is None else terms.take(chosen)
    return np.bincount(shown.keywords, minlength=terms.count)


def entropy(counts: np.ndarray) -> float:
    """Shannon entropy in bits of a histogram of keywords."""
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def gini(counts: np.ndarray) -> float:
    """Gini coefficient of a histogram: 0 where all counts are equal, near 1 where one has all."""
    ordered = np.sort(counts)
    total = ordered.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float((2 * (ranks * ordered).sum() / total - (len(ordered) + 1)) / len(ordered))


def _rarest(terms: Keyworded) -> np.ndarray:
    """The frequency of each term's rarest keyword; the greatest number for a term without any."""
    counts = frequencies(terms)
    rarest = np.full(len(terms), np.iinfo(np.int64).max)
    full = np.flatnonzero(np.diff(terms.offsets))
    if len(full):
        rarest[full] = np.minimum.reduceat(counts[terms.keywords], terms.offsets[full])
    return rarest


def _mixed(hashes: np.ndarray, seed: int) -> np.ndarray:
    """The hashes drawn anew for a seed: the finalizer of SplitMix64 (Steele et al. 2014), modulo 2^64."""
    found = hashes + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % (1 << 64))
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def _filled(terms: Keyworded, taken: np.ndarray, uses: np.ndarray, cap: int, size: int) -> np.ndarray:
    """What is taken once terms are added up to a cap; its arguments stay as they are."""
    taken = taken.copy()
    _take(terms, taken, uses.copy(), cap, size, uncovered_only=False)
    return taken


def _take(terms: Keyworded, taken: np.ndarray, uses: np.ndarray, cap: int, size: int, uncovered_only: bool) -> None:
    """Take, in order, every free term all of whose keywords are used less than `cap` times (and one of them never, if
    `uncovered_only`), until there are `size`. Changes `taken` and `uses`."""
    left = size - int(taken.sum())
    for start in range(0, len(terms), CHUNK):
        if left <= 0:
            return
        counts: list[int] = uses.tolist()
        for index in _open_terms(terms, taken, uses, cap, start, uncovered_only):
            mine = terms.keywords[terms.offsets[index] : terms.offsets[index + 1]].tolist()
            used = [counts[word] for word in mine]
            if max(used, default=0) < cap and (not uncovered_only or 0 in used):
                taken[index] = True
                for word in mine:
                    counts[word] += 1
                left -= 1
                if left == 0:
                    break
        uses[:] = counts


def _open_terms(
    terms: Keyworded, taken: np.ndarray, uses: np.ndarray, cap: int, start: int, uncovered_only: bool
) -> list[int]:
    """The free terms of a chunk that may be taken as the uses stand before it."""
    stop = min(start + CHUNK, len(terms))
    offsets = terms.offsets[start : stop + 1]
    used = uses[terms.keywords[offsets[0] : offsets[-1]]]
    owners = np.repeat(np.arange(stop - start), np.diff(offsets))
    possible = ~taken[start:stop]
    possible[owners[used >= cap]] = False
    if uncovered_only:
        fresh = np.zeros(stop - start, bool)
        fresh[owners[used == 0]] = True
        possible &= fresh
    return (np.flatnonzero(possible) + start).tolist()
