"""The memory of this machine: what is free, and what this process has taken at most."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
"""Of a container, its limit and its use, as versions 2 and 1 of Linux control groups tell them."""


def free(device: Any) -> int | None:
    """Bytes that a new process may take on a torch device; None where this system does not tell."""
    if device.type == "cuda":
        import torch

        return torch.cuda.mem_get_info(device)[0]
    known = [*_contained(Path("/sys/fs/cgroup")), *_available(Path("/proc/meminfo"))]
    return min(known) if known else None


def most_taken(device: Any) -> int:
    """The most bytes that this process has had on a torch device; on the CPU with all its libraries."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    for line in _lines(Path("/proc/self/status")):
        if line.startswith("VmHWM:"):
            return _kibibytes(line)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def go_first() -> None:
    """Have Linux end this process before all others where memory runs out."""
    file = Path("/proc/self/oom_score_adj")
    if file.exists():
        file.write_text("1000")


def _available(meminfo: Path) -> list[int]:
    return [_kibibytes(line) for line in _lines(meminfo) if line.startswith("MemAvailable:")]


def _contained(groups: Path) -> list[int]:
    """What a container has left, for each way of telling it that is there; none where it has no limit."""
    pairs = [["".join(_lines(groups / name)).strip() for name in names] for names in _LIMITS]
    return [max(0, int(limit) - int(used)) for limit, used in pairs if limit.isdigit() and used.isdigit()]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []


def _kibibytes(line: str) -> int:
    """The bytes of a line `Name:   123 kB`."""
    return int(line.split()[1]) * 1024
