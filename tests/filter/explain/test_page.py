"""The page and the terminal, with titles that would break both."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from vidal.filter.explain import terminal
from vidal.filter.explain.chart import FATES, SIDES, facing, stacked
from vidal.filter.explain.explanation import EXAMPLES, explain
from vidal.filter.explain.histogram import histogram
from vidal.filter.explain.page import FRAME, page
from vidal.filter.explain.sheet import Card, Sheet
from vidal.media.images import encode_jpeg

TITLES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %} &amp;",
    "كرة حمراء \u202egnp.exe",
    "红色的球 🎈 \x1b[31m",
    "",
)
PICTURE = encode_jpeg(np.full((24, 40, 3), 120, np.uint8))


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def explained(table, rule):
    generator = np.random.default_rng(1)
    rows = [
        {"motion": float(m), "words": int(w)}
        for m, w in zip(generator.random(60), generator.poisson(6, 60), strict=True)
    ]
    rows += [{"kind": "audio", "motion": None, "words": 3}, {"motion": float("inf"), "words": 900, "duplicate": True}]
    rules = [
        rule("duplicate", "duplicate"),
        rule("still", "motion < 0.2", kinds=("video",), missing="drop"),
        rule("wordy", "words NOT BETWEEN 3 AND 12"),
        rule("lowest", "share_below(motion) < 0.1", "keep"),
        rule("odd", "words > 8 AND motion > 0.5", "flag"),
    ]
    return explain(table(*rows), rules, None)


@pytest.fixture(scope="module")
def content(explained):
    def side(examples):
        return tuple(
            Card(
                f"id-{e.row}",
                "video",
                e.score,
                TITLES[n % 6],
                n % 2 == 0,
                "still" if n % 2 else None,
                [PICTURE, None][n % 2],
            )
            for n, e in enumerate(examples)
        )

    sheets = [tuple(Sheet(side(o.nearest_below), side(o.nearest_above)) for o in a.thresholds) for a in explained.axes]
    return page("own <set>", "/w", explained, sheets)


def test_the_page_runs_nothing_and_loads_nothing(content):
    found = Page(content)
    policy = next(meta["content"] for meta in found.of("meta") if "http-equiv" in meta)
    style = re.search(r"<style>(.*?)</style>", content, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;") and f"style-src 'sha256-{digest}'" in policy
    assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & {tag for tag, _ in found.tags}
    attributes = [name for _, given in found.tags for name in given]
    assert not any(name.startswith("on") or name == "style" for name in attributes)
    sources = [given[name] for _, given in found.tags for name in ("src", "href", "srcset") if name in given]
    assert sources and all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "url(" not in style and "@import" not in style


def test_titles_stand_on_the_page_as_they_are(content):
    found = Page(content)
    assert all(title in found.text for title in TITLES[:5])
    assert {image["alt"] for image in found.of("img")} <= {f"id-{number} at a glance" for number in range(62)}
    assert "own <set>" in found.text and "(no title)" in found.text


def test_the_page_tells_every_count_and_threshold(content, explained):
    text = Page(content).text
    for one in explained.counts.rules:
        assert one.rule.name in text and one.rule.where in text
    assert "share_below(motion) < 0.1" in text and "words >= 3" in text and "words <= 12" in text
    assert len(Page(content).of("svg")) == len(explained.axes) == 6


def test_bars_stay_inside_the_drawing_and_none_that_holds_anything_is_unseen(explained):
    for axis in explained.axes:
        values = [one.value for one in axis.thresholds if one.value is not None]
        drawn = stacked(axis.histogram, values, FRAME)
        assert len(drawn.bars) == sum(count > 0 for counts in axis.histogram.counts for count in counts)
        for bar in drawn.bars:
            assert bar.x >= 0 and bar.x + bar.width <= FRAME.width and bar.height >= 1.5
            assert bar.y >= 0 and bar.y + bar.height <= FRAME.height and bar.category in FATES
        assert [line.label for line in drawn.lines] == [f"{value:.4g}" for value in values]


def test_a_threshold_has_the_nearest_of_both_sides(explained):
    still = next(axis for axis in explained.axes if axis.rule.name == "still")
    [one] = still.thresholds
    assert (still.nulls, still.histogram.infinite, still.aside) == (0, 1, 0)
    assert one.below + one.above == 61 and len(one.nearest_above) == EXAMPLES
    assert [e.score for e in one.nearest_below] == sorted((e.score for e in one.nearest_below), reverse=True)
    assert all(example.score < 0.2 for example in one.nearest_below)
    odd = [axis for axis in explained.axes if axis.rule.name == "odd"]
    assert all(axis.aside > 0 and sum(map(sum, axis.histogram.counts)) + axis.aside <= 62 for axis in odd)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_terminal_shows_counts_overlap_and_histograms(explained, width):
    out = io.StringIO()
    Console(file=out, width=width).print(terminal.explanation(explained))
    shown = out.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    assert "62 samples: " in shown and "no verdicts were given" in shown
    assert "alone" in shown and "Overlap" in shown and "dropped by this rule" in shown
    assert shown.count("│\n") or "▁" in shown
    lines = shown.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("still  motion < 0.2"))
    assert all("│" in line for line in lines[start + 1 : start + 5]) and "0.2" in lines[start + 5]


def test_a_title_cannot_command_a_terminal():
    assert terminal.clean("a\x1b[31mb\rc\u202ed\u2066e\x07") == "a [31mb c d e "
    assert terminal.clean("👩\u200d👧 كرة 红") == "👩\u200d👧 كرة 红"


def test_two_sides_face_each_other_on_one_scale_of_shares():
    scores = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 1.0])
    bins = histogram(scores, np.array([0, 0, 0, 0, 1, 1]), 2, [])
    drawn = facing(bins, FRAME)
    sides = [[bar for bar in drawn.bars if bar.category == side] for side in SIDES]
    assert [len(one) for one in sides] == [2, 2]
    assert all(round(bar.y + bar.height, 1) == round(drawn.base, 1) for bar in sides[0])
    assert all(bar.y == drawn.base for bar in sides[1])
    highest = drawn.base - FRAME.top
    assert [round(bar.height / highest, 2) for bar in (*sides[0], *sides[1])] == [1.0, 0.33, 0.67, 0.67]
