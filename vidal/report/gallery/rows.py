"""What a gallery is told: a light row of every sample to filter and sort by, and all of one sample when it is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal.engine.errors import VidalError
from vidal.shard.access import Sample
from vidal.shard.index import Index
from vidal.shard.pictures import LAYERS, layer_members

MEDIA = {"mp4": "video/mp4", "flac": "audio/flac"}
"""Members that play, and their types."""


def light(index: Index, records: Sequence[Mapping[str, Any]] = ()) -> dict[str, list[Any]]:
    """Columns to filter and sort by: those of the index and its scores, and, where records are given, theirs."""
    table = index.facts
    found = {name: table[name].to_pylist() for name in ("key", "kind", "seconds", "text")}
    shown = (_layers(index.places.listed(row)) for row in range(len(index)))
    found["layers"] = [" ".join(f"{layer}×{count}" for layer, count in layers.items()) for layers in shown]
    for name in table.column_names:
        if name == "scores" and pa.types.is_struct(table[name].type):
            rows = table[name].to_pylist()
            names = [field.name for field in table[name].type]
            found |= {f"score.{one}": [row and row[one] for row in rows] for one in names}
        elif name.startswith("score") and not pa.types.is_nested(table[name].type):
            found[f"score.{name.removeprefix('score.').removeprefix('score_')}"] = table[name].to_pylist()
    if records:
        scored = sorted({name for one in records for name, value in _part(one, "scores").items() if _number(value)})
        found |= {f"score.{name}": [_score(one, name) for one in records] for name in scored}
        found["title"] = [_text(one.get("title")) for one in records]
        for name in ("source", "licence", "language"):
            found[name] = [_text(_part(one, "origin").get(name)) for one in records]
        found["terms"] = [", ".join(map(_text, _part(one, "origin").get("terms") or ())) for one in records]
    return {name: _finite(values) for name, values in found.items()}


def full(sample: Sample, record: Mapping[str, Any]) -> dict[str, Any]:
    """All of one sample but its media: its members with their sizes, what layers it has, its texts and record."""
    return {"members": sample.sizes, "layers": list(_layers(list(sample))), "record": _finite(record)}


def record(index: Index, row: int) -> dict[str, Any]:
    """The JSON record of a sample; empty where it has none that can be read."""
    try:
        return index.record(row)
    except VidalError:
        return {}


def _layers(names: Sequence[str]) -> dict[str, int]:
    """The layers that a sample has, and of how many pictures each is."""
    return {layer: count for layer in LAYERS if (count := len(layer_members(layer, names)))}


def _finite(value: Any) -> Any:
    """The value with null for numbers that JSON has not."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _score(record: Mapping[str, Any], name: str) -> float | None:
    value = _part(record, "scores").get(name)
    return value if _number(value) else None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
