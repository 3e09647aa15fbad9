"""The processes that train together: torchrun's, Ray's, or this one alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class World:
    """This process among `size`, and the device it works on."""

    rank: int
    size: int
    device: Any

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes and speaks."""
        return self.rank == 0

    def agree(self, flag: bool) -> bool:
        """Whether the flag is set in any process; all must ask."""
        if self.size == 1:
            return flag
        import torch

        value = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MAX)
        return bool(value)

    def gathered(self, value: Any) -> list[Any]:
        """The values of all processes, in order of rank; all must ask."""
        if self.size == 1:
            return [value]
        import torch

        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Return when every process has come this far."""
        if self.size > 1:
            import torch

            torch.distributed.barrier()


def leads() -> bool:
    """Whether this process is the first of those that the environment tells of, or alone."""
    return int(os.environ.get("RANK") or 0) == 0


@contextmanager
def world() -> Iterator[World]:
    """The world that the environment tells of (RANK, WORLD_SIZE, LOCAL_RANK, as torchrun and Ray set them).

    A process group that stands already is used and left standing; else one is made where there is more than one
    process: NCCL on CUDA, Gloo on the CPU.
    """
    import torch
    from torch import distributed

    size, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    own = size > 1 and not distributed.is_initialized()
    if own:
        distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        if own:
            distributed.destroy_process_group()
