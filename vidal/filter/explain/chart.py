"""Histograms as they are drawn, on every page that has some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vidal.filter.explain import words
from vidal.filter.explain.histogram import Histogram

FATES = ("held", "lost", "kept")
"""The categories of a histogram of fates, in order, as style sheets name them."""
SIDES = ("before", "after")
"""Those of a histogram of two sides."""
LEAST = 1.5
"""Height of what holds anything, be it one sample of a million."""


@dataclass(frozen=True)
class Frame:
    """A drawing `width` wide and `height` high, with room at the `top` for the thresholds' numbers and at the `bottom`
    for the scale. A figure of the labels is `character` wide, between two bars is a `gap`, and labels of thresholds
    that follow each other stand in as many `rows`."""

    width: int
    height: int
    top: int
    bottom: int
    character: float
    gap: float
    rows: int = 1

    @property
    def base(self) -> int:
        """The height at which the axis lies."""
        return self.height - self.bottom


@dataclass(frozen=True)
class Bar:
    """A rectangle of the drawing, of one category of a bin."""

    x: float
    y: float
    width: float
    height: float
    category: str


@dataclass(frozen=True)
class Line:
    """A threshold in the drawing, and where its number stands beside it."""

    x: float
    label: str
    label_x: float
    label_y: float


@dataclass(frozen=True)
class Chart:
    """A histogram as it is drawn: its axis lies at `base`, and `low` and `high` are the ends of its scale."""

    frame: Frame
    base: float
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    low: str
    high: str


def stacked(bins: Histogram, thresholds: Sequence[float], frame: Frame) -> Chart:
    """The three fates of a histogram on top of each other, and a line at each of its thresholds."""
    room = frame.base - frame.top
    bars = []
    for place, counts in enumerate(bins.counts):
        y = float(frame.base)
        for category, count in zip(FATES, counts, strict=True):
            if count:
                height = max(room * count / bins.highest, LEAST)
                y -= height
                bars.append(_bar(bins, frame, place, y, height, category))
    return _chart(bins, frame, frame.base, bars, tuple(_lines(bins, thresholds, frame)))


def facing(bins: Histogram, frame: Frame) -> Chart:
    """Two sides of a histogram, the first above the axis and the second below it, each as shares of its own samples on
    one scale."""
    totals = [sum(counts[side] for counts in bins.counts) or 1 for side in range(len(SIDES))]
    shares = [[count / total for count, total in zip(counts, totals, strict=True)] for counts in bins.counts]
    most = max((share for both in shares for share in both), default=0.0) or 1.0
    middle = (frame.top + frame.base) / 2
    room = middle - frame.top
    bars = []
    for place, both in enumerate(shares):
        for side, share in enumerate(both):
            if share:
                height = max(room * share / most, LEAST)
                bars.append(_bar(bins, frame, place, middle if side else middle - height, height, SIDES[side]))
    return _chart(bins, frame, middle, bars, ())


def _chart(bins: Histogram, frame: Frame, base: float, bars: list[Bar], lines: tuple[Line, ...]) -> Chart:
    return Chart(frame, base, tuple(bars), lines, words.number(bins.low, 3), words.number(bins.high, 3))


def _bar(bins: Histogram, frame: Frame, place: int, y: float, height: float, category: str) -> Bar:
    step = frame.width / len(bins.counts)
    width = max(step - frame.gap, 0.5)
    return Bar(round(place * step + frame.gap / 2, 2), round(y, 2), round(width, 2), round(height, 2), category)


def _lines(bins: Histogram, thresholds: Sequence[float], frame: Frame) -> Iterator[Line]:
    """The thresholds, their numbers kept inside the drawing."""
    step = frame.width / len(bins.counts)
    for number, (mark, value) in enumerate(zip(bins.marks, thresholds, strict=True)):
        label = words.number(value)
        half = frame.character * len(label) / 2
        x = round(mark * step, 2)
        label_x = round(min(max(x, half), frame.width - half), 2)
        yield Line(x, label, label_x, 10 + 12 * (number % frame.rows))
