"""What is free, and what was taken, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

import torch

from vidal.models import memory

CPU = torch.device("cpu")


def test_free_memory_is_some_and_no_more_than_the_machine_has():
    whole = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    assert 0 < memory.free(CPU) < int(whole.split()[1]) * 1024


def test_a_container_has_what_its_limit_leaves(tmp_path):
    assert memory._contained(tmp_path) == []
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("700\n")
    assert memory._contained(tmp_path) == []
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory._contained(tmp_path) == [300]
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("500\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("600\n")
    assert memory._contained(tmp_path) == [300, 0]


def test_the_most_that_was_taken_grows_with_what_is_taken():
    before = memory.most_taken(CPU)
    taken = bytearray(b"x") * (before + (64 << 20))
    assert memory.most_taken(CPU) >= before + (48 << 20) and len(taken) > before
