"""An explanation, and the reason of one sample, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from vidal.engine.step import REJECTED
from vidal.filter.explain import words
from vidal.filter.explain.counts import Count, Counts
from vidal.filter.explain.explanation import Axis, Explanation
from vidal.filter.explain.reasons import FORGOTTEN, UNTOLD, WAITING, Departure, Reason, RuleReason

ROWS = 4
ACROSS = 16
"""Columns of the overlap that fit on a terminal of 80."""
EIGHTHS = " ▁▂▃▄▅▆▇█"
COLOURS = {"drop": "red", "keep": "cyan", "flag": "magenta"}
LOST, KEPT, MARK = "yellow", "green", "bold"


def explanation(found: Explanation) -> Group:
    """Counts, overlap and histograms."""
    lines = [words.sums(found), words.kinds_of(found), words.change(found.changes)]
    lines += [f"{step} failed for {words.counted(count, 'sample')}" for step, count in found.counts.failed.items()]
    parts: list[Any] = [Text("\n".join(lines)), _counts(found.counts), _legend(words.LEGEND)]
    parts += _overlap(found.counts)
    for number, axis in enumerate(found.axes):
        parts += [Text(), *([] if number else [_key(found)]), *histogram(axis)]
    return Group(*parts)


def _key(found: Explanation) -> Text:
    """What the colours of the histograms mean."""
    first = {axis.rule.action: axis.rule for axis in found.axes}.values()
    entries = [(COLOURS[rule.action], words.own(rule)) for rule in first]
    entries += [(LOST, "dropped by others"), (KEPT, "kept")]
    return Text.assemble(*(part for colour, told in entries for part in (("█ ", colour), (f"{told}   ", "dim"))))


def _counts(counts: Counts) -> Table:
    table = Table(title="What each rule does", title_justify="left", title_style="bold")
    for heading in ("#", "rule", "samples", "alone", "", "in order", "only it", "cannot tell"):
        table.add_column(heading, justify="left" if heading == "rule" else "right", no_wrap=True)
    for position, one in enumerate(counts.rules, 1):
        name = Text(one.rule.name, COLOURS[one.rule.action])
        if one.rule.action != "drop":
            name.append(f" ({one.rule.action})", "dim")
        table.add_row(str(position), name, *_cells(one.total, one.rule))
        for kind, count in one.by_kind.items() if len(one.by_kind) > 1 else ():
            table.add_row("", Text(f"  {kind}", "dim"), *_cells(count, one.rule), style="dim")
    return table


def _cells(count: Count, rule: Any) -> Iterator[str]:
    yield from (f"{count.samples:,}", f"{count.alone:,}", words.share(count.alone, count.samples))
    decides = rule.action != "flag"
    yield from (f"{count.in_order:,}", f"{count.only:,}") if decides else ("–", "–")
    yield words.untold(count, rule)


def _legend(entries: Mapping[str, str]) -> Text:
    return Text("\n".join(f"{name}: {meaning}" for name, meaning in entries.items()), "dim")


def _overlap(counts: Counts) -> Iterator[Any]:
    """The rules that drop against each other, in a table for every so many columns; nothing for a single one."""
    overlap = counts.overlap
    numbers = [number for number, one in enumerate(counts.rules, 1) if one.rule.action == "drop"]
    if len(numbers) < 2:
        return
    yield Text("\nOverlap: of what a row's rule holds for, the per cent that a column's holds for too", "bold")
    for start in range(0, len(numbers), ACROSS):
        across = range(start, min(start + ACROSS, len(numbers)))
        table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
        table.add_column("rule", no_wrap=True)
        for column in across:
            table.add_column(str(numbers[column]), justify="right", no_wrap=True)
        for place, (name, row) in enumerate(zip(overlap.names, overlap.both, strict=True)):
            cells = ["·" if column == place else _percent(row[column], row[place]) for column in across]
            table.add_row(f"{numbers[place]} {name}", *cells)
        yield table


def _percent(part: int, whole: int) -> str:
    if not part:
        return "–"
    return "<1" if part < 0.01 * whole else f"{100 * part / whole:.0f}"


def histogram(axis: Axis) -> Iterator[Text]:
    """The condition, a line per threshold, and the scores by bins with a line through them at each threshold."""
    head = Text.assemble((axis.rule.name, f"bold {COLOURS[axis.rule.action]}"), f"  {axis.rule.where}")
    told = [(words.threshold(axis, one), words.sides(one)) for one in axis.thresholds]
    if [name for name, _ in told] == [axis.rule.where]:
        head.append(f"  {told.pop()[1]}", "dim")
    yield head
    for name, sides in told:
        yield Text(f"  {name}  {sides}", "dim")
    marks = sorted(round(mark) for mark in axis.histogram.marks)
    for row in reversed(range(ROWS)):
        line = Text("  ")
        for place in range(len(axis.histogram.counts) + 1):
            for _ in range(marks.count(place)):
                line.append("│", MARK)
            if place < len(axis.histogram.counts):
                line.append(*_cell(axis, place, row))
        yield line
    yield Text(f"  {_scale(axis, marks)}")
    if left := words.asides(axis):
        yield Text(f"  {'; '.join(left)}", "dim")


def _cell(axis: Axis, place: int, row: int) -> tuple[str, str]:
    """A bin's part of one row of the chart, and the colour of the category that fills most of it."""
    counts = axis.histogram.counts[place]
    unit = axis.histogram.highest / ROWS or 1
    filled = min(max(sum(counts) / unit - row, 0), 1)
    character = EIGHTHS[max(round(filled * 8), 1 if row == 0 and sum(counts) else 0)]
    edges = [sum(counts[:number]) / unit - row for number in range(len(counts) + 1)]
    covered = [min(max(high, 0), 1) - min(max(low, 0), 1) for low, high in pairwise(edges)]
    return character, (COLOURS[axis.rule.action], LOST, KEPT)[covered.index(max(covered))]


def _scale(axis: Axis, marks: list[int]) -> str:
    """The thresholds, each beneath its place, and the ends of the scale where there is room."""
    bins, values = axis.histogram, sorted(one.value for one in axis.thresholds if one.value is not None)
    width = len(bins.counts) + len(marks)
    line = " " * width
    for before, (mark, value) in enumerate(zip(marks, values, strict=True)):
        told = words.number(value)
        line = _put(line, told, min(mark + before - len(told) // 2, width - len(told)))
    line = _put(line, words.number(bins.low, 3), 0)
    high = words.number(bins.high, 3)
    return _put(line, high, width - len(high)).rstrip()


def _put(line: str, told: str, start: int) -> str:
    """A line with a word on it, or as it is where another stands there or too near."""
    start = max(start, 0)
    end = start + len(told)
    if line[max(start - 1, 0) : end + 1].strip():
        return line
    return f"{line[:start]}{told}{line[end:]}"


def reason(found: Reason) -> Group:
    """One sample: its fate, what each rule says, its scores by step, where its media lie."""
    head = Text.assemble((found.id, "bold"), f"  {found.kind}  ", clean(found.title))
    if found.url:
        head.append(f"\n{clean(found.url)}", "dim")
    if found.departure:
        return Group(head, Text(_departure(found.departure), "yellow"), *_media(found))
    fate = Text.assemble(_fate(found))
    for name, other in found.same_as.items():
        fate.append(f"\n{name.replace('_', ' ')}: {clean(other)}")
    return Group(head, fate, Text(), _rules(found), Text(), _scores(found), *_media(found))


def _fate(found: Reason) -> tuple[str, str]:
    by = f" by {found.rule}" if found.rule else ": no rule drops it"
    flags = f"; flagged {', '.join(found.flags)}" if found.flags else ""
    return (f"kept{by}{flags}", "bold green") if found.kept else (f"dropped{by}{flags}", "bold red")


def _departure(left: Departure) -> str:
    if left.status == FORGOTTEN:
        return "was taken down by `vidal forget`; nothing else of it is here"
    if left.status == WAITING:
        return f"has not come to the filter yet: it waits for {left.step}"
    if left.status == REJECTED:
        return f"rejected by the rule {left.why} of {left.step}"
    return f"failed in {left.step}: {left.why}: {clean(left.message or '')}"


def _rules(found: Reason) -> Table:
    table = Table(title="Rules, in order", title_justify="left", title_style="bold")
    for heading in ("#", "rule", "says", "because"):
        table.add_column(heading, justify="right" if heading == "#" else "left", no_wrap=heading != "because")
    for position, one in enumerate(found.rules, 1):
        says = f"{one.says}, decides" if one.decides else one.says
        style = COLOURS[one.rule.action] if one.holds else "dim"
        name = one.rule.name if one.rule.action == "drop" else f"{one.rule.name} ({one.rule.action})"
        table.add_row(str(position), Text(name, style), Text(says, style), Text(because(one)))
    return table


def because(one: RuleReason) -> str:
    """The condition, and below it the scores in it; of one that cannot be told, what is unknown, and what of it."""
    told = [f"{name} is null: {one.unknown[name]}" if value is None else f"{name} = {_value(value)}"
            for name, value in one.scores.items()]  # fmt: skip
    for compared in one.compared:
        if compared.name not in one.scores:
            told.append(f"{compared.name} = {words.number(compared.score)}")
        if compared.quantile is not None:
            told.append(f"share {words.number(compared.quantile)} lies at {words.number(compared.threshold)}")
    if one.says == UNTOLD:
        told.append("missing: drop, so it holds" if one.holds else f"missing: {one.rule.missing}, so it does not hold")
    return "\n".join(filter(None, [one.rule.where, "; ".join(dict.fromkeys(told))]))


def _scores(found: Reason) -> Table:
    table = Table(title="Scores", title_justify="left", title_style="bold")
    table.add_column("step", no_wrap=True)
    table.add_column("scores")
    for step, scores in found.scores.items():
        if step in found.failed:
            table.add_row(step, Text(f"failed: {clean(found.failed[step])}", "red"))
        else:
            table.add_row(step, Text("  ".join(f"{name} {_value(value)}" for name, value in scores.items())))
    return table


def _value(value: Any) -> str:
    if isinstance(value, float):
        return words.number(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "–" if value is None else clean(str(value))


def _media(found: Reason) -> Iterator[Text]:
    if found.media:
        names = ", ".join(f"{name} ({size:,} bytes)" for name, size in found.media.members.items())
        yield Text(f"media in {found.media.tar}: {names}", "dim")


def clean(text: str) -> str:
    """A text of others without what a terminal would obey: control characters, and marks that turn the direction."""
    return "".join(mark if mark.isprintable() or mark == JOINER else " " for mark in text)


JOINER = "\u200d"
"""What makes one picture of several emoji; not printable to Python, and harmless."""
