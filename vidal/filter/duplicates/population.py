"""The samples that are compared, and which of equals is kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ["id", "part", "kind", "source_sha256", "source_width", "source_height", "seconds"]


@dataclass(frozen=True)
class Population:
    """Rows of `filter/scores.parquet` with COLUMNS, in order of part and id. A sample is named by its row."""

    table: pa.Table

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def ids(self) -> pa.Array:
        return self.table["id"].combine_chunks()

    @cached_property
    def order(self) -> np.ndarray:
        """All rows, the one to keep first: of most pixels, then the longest, then the smallest id."""
        pixels = pc.multiply(self.table["source_width"].cast(pa.int64()), self.table["source_height"].cast(pa.int64()))
        ranked = pa.table(
            {
                "pixels": pc.fill_null(pixels, 0),
                "seconds": pc.fill_null(self.table["seconds"].cast(pa.float64()), 0.0),
                "id": self.table["id"],
            }
        )
        keys = [("pixels", "descending"), ("seconds", "descending"), ("id", "ascending")]
        return pc.sort_indices(ranked, sort_keys=keys).to_numpy().astype(np.int64)

    @cached_property
    def rank(self) -> np.ndarray:
        """The place of each row in `order`."""
        rank = np.empty(len(self), np.int64)
        rank[self.order] = np.arange(len(self))
        return rank

    def is_kind(self, kind: str) -> np.ndarray:
        return pc.equal(self.table["kind"], kind).to_numpy(zero_copy_only=False)

    def rows(self, part: int, ids: pa.ChunkedArray) -> np.ndarray:
        """The rows of samples of a part, -1 for one that is not of the population."""
        start, stop = np.searchsorted(self._parts, [part, part + 1])
        found = pc.index_in(ids, value_set=self.ids.slice(start, stop - start))
        return pc.fill_null(pc.add(found.cast(pa.int64()), int(start)), -1).to_numpy()

    @cached_property
    def _parts(self) -> np.ndarray:
        return self.table["part"].to_numpy()
