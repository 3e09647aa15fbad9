"""A difference on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from vidal.filter.explain.terminal import EIGHTHS, clean
from vidal.filter.explain.words import number
from vidal.report.diff import wording
from vidal.report.diff.difference import Difference, Sets
from vidal.report.diff.fates import Fates
from vidal.report.diff.scores import ScoreChange
from vidal.report.diff.texts import NEW, OLD, Example

MOST = 12
"""Rows of a table; those that say the most come first."""
DRAWN = 8
"""Scores whose distributions are drawn."""
STYLES = {OLD: "red", NEW: "green"}
MARKS = {OLD: "[-{}-]", NEW: "{{+{}+}}"}
"""How words of one text alone are marked, as git does it, for terminals without colours too."""


def difference(found: Difference) -> Group:
    """A few lines on the whole; then what became of candidates, samples, members, texts, scores."""
    head = Table.grid(padding=(0, 2))
    head.add_column(style="bold", no_wrap=True)
    head.add_column(overflow="fold")
    for letter, one in (("A", found.before), ("B", found.after)):
        head.add_row(letter, Text.assemble(clean(one.name), (f"  {wording.side(one)}", "dim")))
    parts: list[Any] = [head, Text(), Text("\n".join(wording.headline(found)))]
    parts += _fates(found.fates) if found.fates else ()
    parts += _sets(found.sets) if found.sets else ()
    return Group(*parts, *_scores(found))


def _fates(fates: Fates) -> Iterator[Any]:
    rows = [(wording.outcome(one.before), wording.outcome(one.after), one.samples) for one in fates.changed]
    rows += [(wording.outcome(one.outcome), "not found", one.samples) for one in fates.lost]
    rows += [("not found", wording.outcome(one.outcome), one.samples) for one in fates.gained]
    yield from _table("What became of candidates", ("in A", "in B"), rows)


def _sets(sets: Sets) -> Iterator[Any]:
    groups = (("gained", sets.gained), ("lost", sets.lost), ("moved", sets.moved), ("changed", sets.changed))
    yield from _table("Samples in the shards", ("",), [one for one in groups if len(one[1])])
    turns = [
        (one.name, _value(turn.before), _value(turn.after), turn.samples)
        for one in (*sets.places, *sets.facts)
        for turn in one.turns
    ]
    yield from _table("Where samples lie, and what is told of them", ("", "in A", "in B"), turns)
    changes = [one for one in sets.members.series if one.some]
    rows = [(one.name, *(f"{len(group):,}" for group in (one.changed, one.came, one.went))) for one in changes]
    if rows:
        yield from _ruled("Members", ("member", "changed", "in B alone", "in A alone"), rows)
    for one in sets.texts:
        for example in one.examples:
            yield Text()
            yield _example(example)


def _example(found: Example) -> Text:
    line = Text.assemble((f"{found.member}", "bold"), f" of {clean(found.key)}: ")
    if found.wrong:
        return line.append(clean(found.wrong), "yellow")
    for place, words in enumerate(found.words):
        told = MARKS.get(words.of, "{}").format(clean(words.text))
        line.append(" " if place else "").append(told, STYLES.get(words.of, ""))
    return line


def _scores(found: Difference) -> Iterator[Any]:
    told = [one for one in found.scores if one.some]
    if not told:
        return
    rows = [
        (one.name, wording.spread(one.before), wording.spread(one.after), wording.apart(one), f"{len(one.changed):,}")
        for one in told
    ]
    of = "all samples that the rules judged" if found.judged else "the samples in the shards"
    headings = ("score", "A: median (5 to 95%)", "B", "apart", "changed")
    yield from _ruled(f"Scores of {of}", headings, rows, words=3)
    drawn = [one for one in told if one.apart][:DRAWN]
    for one in drawn:
        yield from _drawn(one)


def _drawn(score: ScoreChange) -> Iterator[Text]:
    """Both distributions by the same bins, each of its own height."""
    bins = score.histogram
    yield Text.assemble("\n", (score.name, "bold"), f"  {number(bins.low, 3)} to {number(bins.high, 3)}")
    for place, (letter, colour) in enumerate((("A", "yellow"), ("B", "cyan"))):
        counts = [one[place] for one in bins.counts]
        most = max(counts, default=0) or 1
        bars = "".join(EIGHTHS[max(round(8 * count / most), 1 if count else 0)] for count in counts)
        yield Text.assemble(f"  {letter} ", (bars, colour))


def _table(title: str, headings: Sequence[str], rows: Sequence[tuple]) -> Iterator[Any]:
    """Rows of texts that end with the samples they are of: how many, and which is the first."""
    told = [(*texts, f"{len(samples):,}", *samples.first(1)) for *texts, samples in rows]
    if told:
        yield from _ruled(title, (*headings, "samples", "such as"), told, words=len(headings), last=True)


def _ruled(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1, last: bool = False
) -> Iterator[Any]:
    """A table whose first columns are words and whose others are numbers, but perhaps the last."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, heading in enumerate(headings):
        number_ = place >= words and not (last and place == len(headings) - 1)
        table.add_column(heading, justify="right" if number_ else "left", no_wrap=number_, overflow="fold")
    for row in rows[:MOST]:
        table.add_row(*(Text(clean(cell)) for cell in row))
    yield Text()
    yield table
    if len(rows) > MOST:
        yield Text(f"and {len(rows) - MOST:,} more: --json has all", "dim")


def _value(value: Any) -> str:
    return "–" if value is None else str(value)
