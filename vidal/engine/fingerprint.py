"""Hashes that decide what is still valid: of a step's settings, and of one sample's inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(value: Any, length: int = 12) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of a JSON value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:length]


def of_step(name: str, version: int, settings: Mapping[str, Any]) -> str:
    """What a step would compute, inputs apart: its name, the version of its code, and its settings."""
    return digest({"name": name, "version": version, "settings": settings})


def of_inputs(columns: Mapping[str, Any], members: Mapping[str, str]) -> str:
    """What one sample gives a step: the values of the columns read and the SHA-256 of each member read."""
    return digest({"columns": columns, "members": members}, length=16)


def of_rejection(inputs: str, policy: Any, hints: Mapping[str, Any]) -> str:
    """The `of_inputs` of a rejected sample: a step's policy and hints, where it has any, belong to what decided."""
    return inputs if policy is None else digest({"inputs": inputs, "policy": policy, "hints": hints}, length=16)


def of_lines(lines: Iterable[str]) -> str:
    """The SHA-256 of lines, of which one at a time is in memory."""
    found = hashlib.sha256()
    for line in lines:
        found.update(line.encode() + b"\n")
    return found.hexdigest()
