"""Populations and lists made in memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from vidal.filter.duplicates.population import Population
from vidal.filter.duplicates.spill import Lists

FACTS = {"part": 0, "kind": "video", "source_sha256": None, "source_width": 256, "source_height": 256, "seconds": 2.0}
TYPES = pa.schema(
    [
        ("id", pa.string()),
        ("part", pa.int64()),
        ("kind", pa.string()),
        ("source_sha256", pa.string()),
        ("source_width", pa.int32()),
        ("source_height", pa.int32()),
        ("seconds", pa.float64()),
    ]
)


def population(*samples):
    """A population of samples told by id, or as dictionaries with one; in order of part and id."""
    told = [{**FACTS, **(one if isinstance(one, dict) else {"id": one})} for one in samples]
    told.sort(key=lambda one: (one["part"], one["id"]))
    return Population(pa.Table.from_pylist(told, TYPES))


def lists(*values, rows=None):
    """Lists of rows of values, each an array [n, ...]."""
    starts = np.cumsum([0, *(len(one) for one in values)])
    return Lists(np.arange(len(values)) if rows is None else np.array(rows, np.int64), starts, np.concatenate(values))
