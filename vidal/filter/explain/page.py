"""An explanation as one HTML page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidal.filter.explain import words
from vidal.filter.explain.explanation import Axis, Explanation
from vidal.filter.explain.sheet import Card, Sheet

WIDTH, HEIGHT = 720, 170
BOTTOM, TOP = 24, 22
"""Room for the scale below the bars and for the thresholds' numbers above them, of the drawing's HEIGHT."""
CHARACTER = 7.5
"""Width of a figure of the labels."""
CLASSES = ("held", "lost", "kept")
"""The categories of a histogram in order, as the style sheet names them."""


def page(name: str, workspace: str, explanation: Explanation, sheets: Sequence[tuple[Sheet, ...]]) -> str:
    """The page of a dataset's explanation, with the contact sheets of each axis's thresholds."""
    import jinja2

    here = Path(__file__).parent
    style = (here / "page.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((here / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        name=name,
        workspace=workspace,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        explanation=explanation,
        charts=[(axis, chart(axis), found) for axis, found in zip(explanation.axes, sheets, strict=True)],
        heat=_heat,
        words=words,
        fate=_fate,
        data=_data,
    )


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
    """A histogram as it is drawn, WIDTH wide and HEIGHT high."""

    width: int
    height: int
    base: int
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    low: str
    high: str
    highest: str


def chart(axis: Axis) -> Chart:
    """The drawing of a histogram. A bin that holds anything is seen, be it one sample of a million."""
    bins = axis.histogram
    return Chart(
        WIDTH,
        HEIGHT,
        HEIGHT - BOTTOM,
        tuple(_bars(axis)),
        tuple(_lines(axis)),
        words.number(bins.low, 3),
        words.number(bins.high, 3),
        words.counted(bins.highest, "sample"),
    )


def _bars(axis: Axis) -> Iterator[Bar]:
    bins = axis.histogram
    step = WIDTH / len(bins.counts)
    room = HEIGHT - BOTTOM - TOP
    for place, counts in enumerate(bins.counts):
        y = float(HEIGHT - BOTTOM)
        for category, count in zip(CLASSES, counts, strict=True):
            if count:
                height = max(room * count / bins.highest, 1.5)
                y -= height
                yield Bar(round(place * step + 0.5, 2), round(y, 2), round(step - 1, 2), round(height, 2), category)


def _lines(axis: Axis) -> Iterator[Line]:
    """The thresholds, their numbers kept inside the drawing and, where lines are near each other, at two heights."""
    step = WIDTH / len(axis.histogram.counts)
    values = [one.value for one in axis.thresholds if one.value is not None]
    for number, (mark, value) in enumerate(zip(axis.histogram.marks, values, strict=True)):
        label = words.number(value)
        half = CHARACTER * len(label) / 2
        x = round(mark * step, 2)
        yield Line(x, label, round(min(max(x, half), WIDTH - half), 2), 10 + 12 * (number % 2))


def _heat(part: int, whole: int) -> int:
    """From 0 to 9 by the share, for the colour of a cell."""
    return min(int(10 * part / whole), 9) if whole else 0


def _fate(card: Card) -> str:
    by = f" by {card.rule}" if card.rule else ""
    return f"{'kept' if card.kept else 'dropped'}{by}"


def _data(picture: bytes) -> Any:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
