"""What a dataset amounts to, gathered from the rows of its index, table by table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vidal.shard.split import TRAIN

UNKNOWN = "unknown"
COUNTED = {"kind": UNKNOWN, "split": TRAIN, "source": UNKNOWN, "licence": UNKNOWN, "language": UNKNOWN}
"""The columns of which the values are counted, and what a null is counted as."""


@dataclass
class Statistics:
    """Samples by the values of the columns COUNTED, seconds by kind, and the members of each kind by name: how many
    there are, and their bytes."""

    values: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})
    seconds: Counter[str] = field(default_factory=Counter)
    members: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    sizes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def samples(self) -> int:
        return self.values["kind"].total()

    def add(self, rows: pa.Table) -> None:
        """Count rows of an index."""
        for name, absent in COUNTED.items():
            told = pc.fill_null(rows[name].cast(pa.string()), absent)
            told = pc.if_else(pc.equal(told, ""), absent, told)
            self.values[name].update({one["values"]: one["counts"] for one in pc.value_counts(told).to_pylist()})
        for kind in rows["kind"].unique().to_pylist():
            own = rows.filter(pc.equal(rows["kind"], kind))
            self.seconds[kind] += pc.sum(own["seconds"]).as_py() or 0.0
            listed = own["members"].combine_chunks().flatten()
            table = pa.table({name: listed.field(name) for name in ("name", "size")})
            for one in table.group_by("name").aggregate([("size", "count"), ("size", "sum")]).to_pylist():
                self.members[kind][one["name"]] += one["size_count"]
                self.sizes[kind][one["name"]] += one["size_sum"]

    def names(self) -> dict[str, list[str]]:
        """The names of all members that the samples of each kind have."""
        return {kind: sorted(found) for kind, found in sorted(self.members.items())}

    def told(self, shards: Mapping[str, Mapping[str, str]], columns: Iterable[str]) -> dict[str, Any]:
        """The content of `stats.json`. `shards` are the samples, bytes and SHA-256 of each, `columns` the names of the
        index's."""
        counts, sizes = (sum(found.values(), Counter()) for found in (self.members, self.sizes))
        told = {f"{name}s": _sorted(self.values[name]) for name in ("split", "source", "licence", "language")}
        return {
            "samples": _sorted(self.values["kind"]),
            "hours": {kind: round(value / 3600, 6) for kind, value in sorted(self.seconds.items())},
            **told,
            "members": {name: {"count": counts[name], "bytes": sizes[name]} for name in sorted(counts)},
            "shards": {
                f"{name}.tar": {"samples": int(one["samples"]), "bytes": int(one["bytes"]), "sha256": one["sha256"]}
                for name, one in shards.items()
            },
            "columns": list(columns),
        }


def statistics(tables: Iterable[pa.Table]) -> Statistics:
    """The statistics of rows of an index."""
    found = Statistics()
    for rows in tables:
        found.add(rows)
    return found


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
