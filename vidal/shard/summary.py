"""What the samples of a shard set are, counted: hours, lengths, languages, sizes of pictures, lengths of texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vidal.shard.faults import expected
from vidal.shard.grades import GRADES, grade
from vidal.shard.index import Index

RECORDS = 10_000
"""Most records that are read, evenly spread over the set; of more samples, languages, resolutions and words are those
of a share."""


@dataclass(frozen=True)
class Summary:
    """Hours by kind, samples by grade of duration, samples that lack a member by the member; and of `records` records:
    languages, resolutions (width x height of keyframes), and the words of each text view (min, median, p95, max)."""

    hours: Mapping[str, float]
    durations: Mapping[str, int]
    missing: Mapping[str, int]
    records: int
    languages: Mapping[str, int]
    resolutions: Mapping[str, int]
    words: Mapping[str, Mapping[str, int]]


def summary(index: Index) -> Summary:
    """Count a shard set by its index and its records. What no record tells is counted as `unknown`."""
    seconds: Counter[str] = Counter()
    durations: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for position, row in enumerate(index.facts.select(["kind", "seconds"]).to_pylist()):
        seconds[row["kind"]] += row["seconds"] or 0.0
        durations[grade(row["seconds"])] += 1
        names = set(index.places.listed(position))
        missing.update(expected(names) - names)
    languages: Counter[str] = Counter()
    resolutions: Counter[str] = Counter()
    words: dict[str, list[int]] = defaultdict(list)
    step = -(-len(index) // RECORDS) or 1
    records = list(index.records(range(0, len(index), step)))
    for record in records:
        told, picture = _section(record, "origin"), _section(record, "normalised")
        languages[str(told.get("language") or "unknown")] += 1
        if picture.get("width"):
            resolutions[f"{picture['width']}x{picture['height']}"] += 1
        for view, text in _section(record, "views").items():
            words[view] += [len(str(one).split()) for one in (text if isinstance(text, list) else [text])]
    return Summary(
        {kind: round(value / 3600, 6) for kind, value in sorted(seconds.items())},
        {name: durations[name] for name in GRADES},
        dict(sorted(missing.items())),
        len(records),
        dict(languages.most_common()),
        dict(resolutions.most_common()),
        {view: spread(counts) for view, counts in sorted(words.items())},
    )


def spread(counts: Sequence[int]) -> dict[str, int]:
    """Least, median, 95th percentile and greatest of at least one count, each a count that occurs (nearest rank)."""
    ordered = sorted(counts)
    ranks = {"min": 0, "median": (len(ordered) - 1) // 2, "p95": -(-95 * len(ordered) // 100) - 1, "max": -1}
    return {name: ordered[rank] for name, rank in ranks.items()}


def _section(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}
