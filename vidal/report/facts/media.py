"""What the samples are: lengths, sizes, rates, terms, languages, licences, each counted as found and as kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vidal.engine.build import Build
from vidal.report.facts.ledger import CANDIDATES, MEDIA, Ledger
from vidal.shard.grades import GRADES, grade
from vidal.terms.table import OUTPUT as TERMS_TABLE

TOP = 20
UNSAID = "not stated"
SHAPES = (("9:16", 9 / 16), ("3:4", 3 / 4), ("1:1", 1.0), ("4:3", 4 / 3), ("16:9", 16 / 9), ("21:9", 21 / 9))
SIDES = (240, 360, 480, 720, 1080, 1440, 2160)


@dataclass(frozen=True)
class Bar:
    """Samples of one value: all that were found (or fetched) with it, and those that have not left the build."""

    label: str
    found: int
    kept: int


@dataclass(frozen=True)
class Facet:
    """One property of the samples; `rest` are values beyond the TOP, which have no bar."""

    name: str
    bars: tuple[Bar, ...]
    rest: int = 0


@dataclass(frozen=True)
class Grid:
    """Kept samples by category (the corpus whose term found them, else their source) and grade of length. One that
    terms of several corpora found counts in each."""

    grades: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


def facets(build: Build, ledger: Ledger) -> tuple[Facet, ...]:
    """The facets of a build, as far as it has come."""
    kept = ledger.standing.tolist()
    read = ledger.column
    media = {name: read(build, MEDIA, name) for name in ("fps", "source_width", "source_height", "rotation")}
    sizes = list(zip(*(media[name] for name in ("source_width", "source_height", "rotation")), strict=True))
    told = {}
    for name in ("language", "licence"):
        late, early = read(build, "harvest/admit", name), read(build, CANDIDATES, name)
        told[name] = [[first or second or UNSAID] for first, second in zip(late, early, strict=True)]
    lengths = [[grade(value)] for value in ledger.seconds.tolist()]
    return (
        _ordered("length", lengths, kept, GRADES.index),
        _ordered("frames a second", [[str(round(v))] if v else [] for v in media["fps"]], kept, float),
        _ordered("shape", [_shape(*size) for size in sizes], kept, [n for n, _ in SHAPES].index),
        _ordered("short side", [_side(*size) for size in sizes], kept, lambda label: int(label.split()[-2])),
        _top("search terms", read(build, CANDIDATES, "terms"), kept),
        _top(
            "hashtags", [[f"#{tag}" for tag in tags or ()] for tags in read(build, "harvest/screen", "hashtags")], kept
        ),
        _top("languages", told["language"], kept),
        _top("licences", told["licence"], kept),
    )


def categories(build: Build, ledger: Ledger) -> Grid:
    """Category by grade, of what has not left the build."""
    corpora = {}
    if build.workspace.exists(TERMS_TABLE):
        table = build.workspace.read_table(TERMS_TABLE, ["term", "sources"]).to_pylist()
        corpora = {row["term"]: row["sources"] or () for row in table}
    counts: Counter[tuple[str, str]] = Counter()
    terms, sources = (ledger.column(build, CANDIDATES, name) for name in ("terms", "source"))
    for row in ledger.standing.nonzero()[0].tolist():
        found = {corpus for term in terms[row] or () for corpus in corpora.get(term, ())} or {sources[row] or UNSAID}
        counts.update((category, grade(ledger.seconds[row])) for category in found)
    totals: Counter[str] = Counter()
    for (category, _), count in counts.items():
        totals[category] += count
    names = sorted(totals, key=lambda name: (-totals[name], name))
    return Grid(GRADES, tuple((name, tuple(counts[name, one] for one in GRADES)) for name in names))


def _counted(name: str, values: Sequence[Iterable[str] | None], kept: Sequence[bool]) -> list[Bar]:
    found: Counter[str] = Counter()
    stay: Counter[str] = Counter()
    for labels, stays in zip(values, kept, strict=True):
        own = list(dict.fromkeys(labels or ()))
        found.update(own)
        stay.update(own if stays else ())
    return [Bar(label, count, stay[label]) for label, count in found.items()]


def _ordered(
    name: str, values: Sequence[Iterable[str] | None], kept: Sequence[bool], order: Callable[[str], Any]
) -> Facet:
    return Facet(name, tuple(sorted(_counted(name, values, kept), key=lambda bar: order(bar.label))))


def _top(name: str, values: Sequence[Iterable[str] | None], kept: Sequence[bool]) -> Facet:
    bars = sorted(_counted(name, values, kept), key=lambda bar: (-bar.kept, -bar.found, bar.label))
    return Facet(name, tuple(bars[:TOP]), max(0, len(bars) - TOP))


def _turned(width: int | None, height: int | None, rotation: int | None) -> tuple[int, int] | None:
    if not width or not height:
        return None
    return (height, width) if (rotation or 0) % 180 else (width, height)


def _shape(*size: int | None) -> list[str]:
    """The usual shape that is nearest, by the ratio of the ratios."""
    if not (turned := _turned(*size)):
        return []
    ratio = turned[0] / turned[1]
    return [min(SHAPES, key=lambda shape: max(ratio / shape[1], shape[1] / ratio))[0]]


def _side(*size: int | None) -> list[str]:
    if not (turned := _turned(*size)):
        return []
    side = min(turned)
    below = next((one for one in SIDES if side < one), None)
    return [f"below {below} px" if below else f"from {SIDES[-1]} px"]
