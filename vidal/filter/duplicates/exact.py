"""Samples whose sources are equal byte for byte."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.filter.duplicates.population import Population


def exact(population: Population) -> np.ndarray:
    """For each row the row of the smallest id of its kind with the same `source_sha256`, -1 where it is that itself or
    its hash is not known."""
    table = population.table.select(["id", "kind", "source_sha256"])
    table = table.append_column("row", pa.array(np.arange(len(table), dtype=np.int64)))
    table = table.filter(pc.is_valid(table["source_sha256"])).sort_by("id")
    groups = table.group_by(["kind", "source_sha256"], use_threads=False).aggregate([("row", "first")])
    joined = table.join(groups, ["kind", "source_sha256"], use_threads=False)
    rows, firsts = joined["row"].to_numpy(), joined["row_first"].to_numpy()
    found = np.full(len(population), -1, np.int64)
    found[rows] = np.where(rows == firsts, -1, firsts)
    return found
