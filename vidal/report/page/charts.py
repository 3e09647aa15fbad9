"""Histograms as they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from vidal.report.facts.scores import Score

WIDTH, HEIGHT, BASE, TOP = 320, 112, 94, 16
CLASSES = ("held", "lost", "kept")


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    width: float
    height: float
    category: str


@dataclass(frozen=True)
class Cut:
    """A threshold: its place and that of its number, which stays inside the drawing."""

    x: float
    label: str
    label_x: float


@dataclass(frozen=True)
class Chart:
    """A histogram WIDTH wide and HEIGHT high, its axis at BASE."""

    rects: tuple[Rect, ...]
    cuts: tuple[Cut, ...]
    low: str
    high: str


def chart(score: Score) -> Chart:
    """The drawing of a score's histogram. A bin that holds anything is seen."""
    bins = score.histogram
    step = WIDTH / len(bins.counts)
    rects = []
    for number, counts in enumerate(bins.counts):
        y = float(BASE)
        for category, count in zip(CLASSES, counts, strict=True):
            if count:
                height = max((BASE - TOP) * count / bins.highest, 1.5)
                y -= height
                rects.append(Rect(*(round(v, 2) for v in (number * step, y, max(step - 0.8, 0.5), height)), category))
    cuts = []
    for mark, value in zip(bins.marks, score.thresholds, strict=False):
        label = f"{value:.4g}"
        half = 3.6 * len(label)
        x = mark * step
        cuts.append(Cut(round(x, 2), label, round(min(max(x, half), WIDTH - half), 2)))
    return Chart(tuple(rects), tuple(cuts), f"{bins.low:.3g}", f"{bins.high:.3g}")
