"""Outcomes as tables for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from vidal.train.evaluate.evaluation import Measured, Outcome

NONE = "–"


def as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Outcomes as JSON's types: figures in full, shares in per cent."""
    return [asdict(outcome) for outcome in outcomes]


def tables(outcomes: Sequence[Outcome], name: str = "model", baseline: str = "baseline") -> Group:
    """A table for each outcome, with a row for each figure. Where an outcome has a baseline, it stands beside, and the
    difference of the first columns."""
    return Group(*(_table(outcome, name, baseline) for outcome in outcomes))


def _table(outcome: Outcome, name: str, baseline: str) -> Table:
    made = Table(title=Text(told(outcome)), title_justify="left", title_style="bold")
    made.add_column("comparison", no_wrap=True)
    made.add_column("figure", no_wrap=True)
    named = [name, f"{name}\nunnormed"] + ([baseline, f"{baseline}\nunnormed", "±"] if outcome.baseline else [])
    for heading in named:
        made.add_column(Text(heading), justify="right")
    for one, other in zip(outcome.measured, outcome.baseline or [None] * len(outcome.measured), strict=True):
        for cells in _rows(one, other):
            made.add_row(*map(Text, cells))
        made.add_section()
    return made


def told(outcome: Outcome) -> str:
    """A benchmark's title, how many items it was measured on, and how far these are from the published split."""
    lines = [outcome.title, _counted(outcome.items, outcome.texts)]
    if outcome.missing:
        lines.append(f"{outcome.missing:,} left out: no file")
    stated = (outcome.stated_items or outcome.items, outcome.stated_texts or outcome.texts)
    if stated != (outcome.items, outcome.texts):
        lines.append(f"published: {_counted(stated[0], outcome.stated_texts or 0)}")
    return "\n".join(lines)


def _counted(items: int, texts: int) -> str:
    return f"{items:,} items" + (f", {texts:,} texts" if texts else "")


def _rows(one: Measured, other: Measured | None) -> Iterator[list[str]]:
    comparison = f"{one.query} → {one.gallery}"
    for figure, value in one.figures.items():
        cells = [comparison, figure, _cell(value), _of(one.unnormalised, figure)]
        if other is not None:
            ahead = f"{value - other.figures[figure]:+.1f}"
            cells += [_cell(other.figures[figure]), _of(other.unnormalised, figure), ahead]
        yield cells
        comparison = ""


def _of(figures: Mapping[str, float] | None, name: str) -> str:
    return NONE if figures is None else _cell(figures[name])


def _cell(value: float) -> str:
    return f"{value:.1f}"
