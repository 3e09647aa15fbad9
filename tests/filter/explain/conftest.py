"""Tables of scores as rules see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from vidal.filter.config import RuleConfig

TYPES = {
    "id": pa.string(),
    "kind": pa.string(),
    "part": pa.int64(),
    "motion": pa.float32(),
    "silence": pa.float32(),
    "clip_title": pa.float32(),
    "words": pa.int32(),
    "seconds": pa.float64(),
    "language": pa.string(),
    "duplicate": pa.bool_(),
    "failed": pa.list_(pa.string()),
}


@pytest.fixture(scope="session")
def table() -> Callable[..., pa.Table]:
    """A table of rows, each of the columns given; ids are given by position."""

    def make(*rows: dict[str, Any]) -> pa.Table:
        known = {"kind": "video", "part": 0, "duplicate": False, "failed": []}
        full = [{**known, "id": f"s{number:04d}", **row} for number, row in enumerate(rows)]
        return pa.Table.from_pylist(full, pa.schema(list(TYPES.items())))

    return make


@pytest.fixture(scope="session")
def rule() -> Callable[..., RuleConfig]:
    def make(name: str, where: str, action: str = "drop", **more: Any) -> RuleConfig:
        return RuleConfig(name=name, where=where, action=action, **more)

    return make
