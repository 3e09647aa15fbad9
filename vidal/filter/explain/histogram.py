"""Scores counted by bins, whatever they are: none, all the same, infinite, or a few that are far from all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 48
FINITE = 1e300
"""What is further from zero counts as infinite."""
EPSILON = 1e-12
"""Bins narrower than this, beside the scores themselves, are too narrow for float64 to tell them apart."""
CORE = (0.005, 0.995)
"""Quantiles between which the bulk of the scores lies. What is further from it than half its width is counted in the
first or the last bin."""


@dataclass(frozen=True)
class Histogram:
    """Bins of one width from `low` on. `counts[b]` are how many scores of each category lie in bin b; the first bin
    holds those further below as well, `beneath` in number, and the last those further above, `beyond`. `infinite`
    scores are in no bin. `marks` are the places of the thresholds, in bins from `low`."""

    low: float
    width: float
    counts: tuple[tuple[int, ...], ...]
    beneath: int
    beyond: int
    infinite: int
    marks: tuple[float, ...]

    @property
    def high(self) -> float:
        return self.low + self.width * len(self.counts)

    @property
    def highest(self) -> int:
        """The most scores of any bin."""
        return max(map(sum, self.counts), default=0)


@dataclass(frozen=True)
class Mark:
    """A threshold to be drawn; `includes`: a score exactly there lies below it."""

    value: float
    includes: bool = False


def histogram(
    scores: np.ndarray, category: np.ndarray, categories: int, marks: Sequence[Mark], whole: bool = False
) -> Histogram:
    """Count float64 scores [n], NaN among them as infinite, by bins and by category, int [n] under `categories`.

    A bin begins at the first mark that is in sight, so that none mixes its two sides. With `whole` the scores are whole
    numbers, and so are the ends of the bins.
    """
    finite = np.abs(scores) <= FINITE
    found, of = scores[finite], category[finite]
    places = [float(np.clip(_place(mark, whole), -FINITE, FINITE)) for mark in marks]
    low, high = _span(found, places)
    width = _width(low, high, whole)
    origin = next((place for place in places if low <= place <= high), low)
    before = int(np.ceil((origin - low) / width))
    bins = before + int(np.floor((high - origin) / width)) + 1
    index = np.clip(np.floor((found - origin) / width) + before, -1, bins)
    beneath, beyond = int((index < 0).sum()), int((index >= bins).sum())
    flat = np.clip(index, 0, bins - 1).astype(np.int64) * categories + of
    counts = np.bincount(flat, minlength=bins * categories).reshape(bins, categories)
    drawn = tuple(round(float(np.clip((place - origin) / width + before, 0, bins)), 6) for place in places)
    low = origin - before * width
    return Histogram(low, width, tuple(map(tuple, counts.tolist())), beneath, beyond, int((~finite).sum()), drawn)


def _place(mark: Mark, whole: bool) -> float:
    """Where the lower side of a threshold ends; among whole numbers, before the first of the upper side."""
    if not whole:
        return mark.value
    return np.floor(mark.value) + 1 if mark.includes else np.ceil(mark.value)


def _span(scores: np.ndarray, places: Sequence[float]) -> tuple[float, float]:
    """From where to where to draw: the scores without what is far off, and the marks that are not far off."""
    if not len(scores):
        return (min(places), max(places)) if places else (0.0, 1.0)
    low, high = float(scores.min()), float(scores.max())
    core_low, core_high = (float(value) for value in np.quantile(scores, CORE, method="nearest"))
    wide = core_high - core_low
    if wide > 0:
        low = float(scores[scores >= core_low - wide / 2].min())
        high = float(scores[scores <= core_high + wide / 2].max())
    reach = 2 * (high - low) or max(abs(low), 1.0)
    near = [place for place in places if low - reach <= place <= high + reach]
    return min([low, *near]), max([high, *near])


def _width(low: float, high: float, whole: bool) -> float:
    """That of a bin; where all scores are one, a hundredth of it."""
    width = (high - low) / BINS
    if whole:
        return max(1.0, float(np.ceil(width)))
    smallest = max(abs(low), abs(high)) * EPSILON
    return width if width > smallest else max(abs(low), abs(high), 1.0) / 100
