"""A difference as plain values, for JSON: all of it, with the key of every sample."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from vidal.report.diff.difference import Difference
from vidal.report.diff.pairing import Samples


def record(found: Difference) -> dict[str, Any]:
    """All of a difference, and `same`: whether there is none."""
    return {"same": found.same, **_plain(found)}


def _plain(value: Any) -> Any:
    if isinstance(value, Samples):
        return {"samples": len(value), "keys": value.all()}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
