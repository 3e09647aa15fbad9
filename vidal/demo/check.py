"""Holding a build of the demo world against its truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vidal.demo.trouble import Entry
from vidal.harvest.candidate import safe_id
from vidal.report.outcomes import Outcome

SOURCES = {"video": "demo-videos", "audio": "demo-sounds"}
"""The names of the demo's sources in `pipelines/demo.yaml`."""


@dataclass(frozen=True)
class Line:
    """One kind of entry: how many there are, what must become of them, how many had that fate, and the other fates."""

    trouble: str
    kind: str
    entries: int
    expected: Outcome
    met: int
    others: tuple[str, ...]


def key_of(entry: Entry) -> str:
    """The sample id that the build gives an entry."""
    return safe_id(SOURCES[entry.kind], entry.id)


def compare(entries: Sequence[Entry], outcomes: Mapping[str, Outcome]) -> list[Line]:
    """A line per kind of trouble, good entries first."""
    groups: dict[tuple[str, str, Outcome], list[Entry]] = {}
    for entry in entries:
        expected = Outcome(entry.expected.status, entry.expected.step or "", entry.expected.reason or "")
        groups.setdefault((entry.trouble or "", entry.kind, expected), []).append(entry)
    lines = []
    for (trouble, kind, expected), group in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1])):
        found = [outcomes.get(key_of(entry), Outcome("not found")) for entry in group]
        others = Counter(f"{o.status} {o.step} {o.reason}".strip() for o in found if o != expected)
        lines.append(Line(trouble or "none", kind, len(group), expected, found.count(expected), tuple(sorted(others))))
    return lines


def good_kept(entries: Sequence[Entry], outcomes: Mapping[str, Outcome]) -> float:
    """The share of the entries that must be kept which were."""
    good = [entry for entry in entries if entry.expected.status == "kept"]
    return sum(outcomes.get(key_of(entry)) == Outcome("kept") for entry in good) / len(good)


def bad_kept(entries: Sequence[Entry], outcomes: Mapping[str, Outcome]) -> list[str]:
    """The entries that must not be kept and were."""
    kept = Outcome("kept")
    return [e.name for e in entries if e.expected.status != "kept" and outcomes.get(key_of(e)) == kept]
