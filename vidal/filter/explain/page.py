"""An explanation as one HTML page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidal.filter.explain import words
from vidal.filter.explain.chart import Chart, Frame, stacked
from vidal.filter.explain.explanation import Axis, Explanation
from vidal.filter.explain.sheet import Card, Sheet

FRAME = Frame(720, 170, top=22, bottom=24, character=7.5, gap=1, rows=2)
"""Thresholds near each other have their numbers at two heights."""
HERE = Path(__file__).parent


def page(name: str, workspace: str, explanation: Explanation, sheets: Sequence[tuple[Sheet, ...]]) -> str:
    """The page of a dataset's explanation, with the contact sheets of each axis's thresholds."""
    import jinja2

    style = (HERE / "page.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        name=name,
        workspace=workspace,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        explanation=explanation,
        charts=[(axis, _chart(axis), found) for axis, found in zip(explanation.axes, sheets, strict=True)],
        heat=_heat,
        words=words,
        fate=_fate,
        data=_data,
    )


def _chart(axis: Axis) -> Chart:
    return stacked(axis.histogram, [one.value for one in axis.thresholds if one.value is not None], FRAME)


def _heat(part: int, whole: int) -> int:
    """From 0 to 9 by the share, for the colour of a cell."""
    return min(int(10 * part / whole), 9) if whole else 0


def _fate(card: Card) -> str:
    by = f" by {card.rule}" if card.rule else ""
    return f"{'kept' if card.kept else 'dropped'}{by}"


def _data(picture: bytes) -> Any:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
