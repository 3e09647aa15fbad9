"""Reading what a site answers: values of the types it documents, and None for all else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from vidal.engine.errors import SampleError
from vidal.harvest.candidate import Candidate

LARGEST = 2**63 - 1
"""The largest number that a column of counts holds."""


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, those that are not empty."""
    return tuple(filter(None, map(text, value))) if isinstance(value, list) else ()


def link(value: Any) -> str | None:
    """An address of the web."""
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None


def number(value: Any) -> float | None:
    """A number from 0 that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
        return None
    return float(value)


def whole(value: Any) -> int | None:
    """A whole number from 0."""
    known = number(value)
    return int(value) if known is not None and math.floor(known) == known else None


def flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def entry(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def candidates(listed: Any, read: Callable[[Mapping[str, Any]], Candidate | None], site: str) -> list[Candidate]:
    """The candidates that an answer lists. What `read` gives None for, since it lacks a name, is left out, and its
    neighbours stay; where all are, the site answers otherwise than it documents: SampleError `BadAnswer`."""
    if not isinstance(listed, list):
        raise SampleError("BadAnswer", f"{site} did not answer with a list of what it found")
    found = [candidate for one in listed if (candidate := read(entry(one)))]
    if listed and not found:
        raise SampleError("BadAnswer", f"{site} found {len(listed)}, of which none can be read")
    return found
