"""Pages put together: template, style and script in one file, under a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidal.filter.explain import page as explain
from vidal.filter.explain.chart import Frame, facing, stacked
from vidal.report.diff import wording
from vidal.report.diff.difference import Difference
from vidal.report.facts import Report
from vidal.report.facts.amounts import hours
from vidal.report.gallery.embed import Embedded

SCRIPTS = ("source.js", "query.js", "cards.js", "detail.js", "gallery.js")
HERE = Path(__file__).parent
FRAME = Frame(320, 112, top=16, bottom=18, character=7.2, gap=0.8)
FACING = Frame(320, 132, top=4, bottom=18, character=7.2, gap=0.8)


def report_page(report: Report, embedded: Embedded | None) -> str:
    """A report with its gallery as one page; `embedded` is None where there are no shards yet."""
    policy = "default-src 'none'; img-src data: blob:; media-src data: blob:"
    charts = [(score, stacked(score.histogram, score.thresholds, FRAME)) for score in report.scores.scores]
    return _render("report.html.j2", policy, SCRIPTS, report=report, embedded=embedded, charts=charts)


def gallery_page(location: str, samples: int) -> str:
    """The page of a served shard set."""
    policy = "default-src 'none'; img-src 'self' data:; media-src 'self'; connect-src 'self'"
    return _render("served.html.j2", policy, SCRIPTS, location=location, samples=samples)


def diff_page(difference: Difference) -> str:
    """What differs between two sides, as one page that runs nothing."""
    charts = [(score, facing(score.histogram, FACING)) for score in difference.scores if score.some]
    return _render(
        "diff.html.j2", "default-src 'none'; img-src data:", (), found=difference, charts=charts, words=wording
    )


def policy_of(page_policy: str, style: str, script: str) -> str:
    """The page's policy, with the hashes of the one style and, where there is one, the one script that it holds."""
    runs = f"; script-src '{_hash(script)}'" if script else ""
    return f"{page_policy}; style-src '{_hash(style)}'{runs}; base-uri 'none'; form-action 'none'"


def _render(template: str, policy: str, scripts: Sequence[str], **values: Any) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE, explain.HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (HERE / "style.css").read_text(encoding="utf-8")
    body = "\n".join((HERE / name).read_text(encoding="utf-8") for name in scripts)
    script = f'(() => {{\n"use strict";\n{body}\n}})();' if scripts else ""
    environment.filters |= {"count": _count, "share": _share, "hours": hours, "bytes": _bytes}
    found = policy_of(policy, style, script)
    return environment.get_template(template).render(style=style, script=script, policy=found, **values)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _count(number: float) -> str:
    return f"{number:,}"


def _share(part: float, whole: float) -> str:
    if 0 < part < 0.001 * whole:
        return "<0.1%"
    return f"{part / whole:.1%}" if whole else "–"


def _bytes(size: int) -> str:
    from rich.filesize import decimal

    return decimal(size)
