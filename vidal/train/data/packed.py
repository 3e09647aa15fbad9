"""What workers decoded of a batch, in one piece of memory: it crosses to the trainer, and to its device, in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from vidal.train.modalities import Decoded, Modality
from vidal.train.towers.config import VisionConfig

ALIGNED = 16
"""Bytes; every sample begins at a multiple."""
TOGETHER = 1 << 28
"""Most bytes that are prepared at once: in float32 they are four times as many, and some frames of it more."""


@dataclass(frozen=True)
class Form:
    """What samples need to have in common to be prepared together: kind and shape of their arrays, one below the other
    where `decoded`; else they are what a tower takes."""

    kind: str
    shape: tuple[int, ...]
    decoded: bool


@dataclass(frozen=True)
class Packed:
    """Samples in one tensor of bytes: where each begins and how many bytes it has, its form, and what else is needed
    to prepare it."""

    content: torch.Tensor
    spans: tuple[tuple[int, int], ...]
    forms: tuple[Form, ...]
    hows: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.spans)

    def pin_memory(self) -> Packed:
        """The same in memory that a GPU copies from while the CPU goes on."""
        return replace(self, content=self.content.pin_memory())

    def prepared(self, modality: Modality, vision: VisionConfig, device: torch.device) -> torch.Tensor:
        """The samples as the modality's tower takes them, float32 [n, 3, H, W] or [n, 3, frames, H, W], on a device.

        Those of one form are prepared together. What becomes of a sample does not depend on the others.
        """
        content = self.content.to(device, non_blocking=True)
        found: torch.Tensor | None = None
        for places in self._alike():
            form = self.forms[places[0]]
            made = self._stacked(content, places)
            if form.decoded:
                made = modality.prepare(made, [self.hows[place] for place in places], vision)
            if len(places) == len(self):
                return made
            if found is None:
                found = made.new_empty(len(self), *made.shape[1:])
            found[places] = made
        assert found is not None
        return found

    def _alike(self) -> Iterator[list[int]]:
        """The places of samples of one form, of as many as are prepared at once."""
        by_form: dict[Form, list[int]] = {}
        for place, form in enumerate(self.forms):
            by_form.setdefault(form, []).append(place)
        for places in by_form.values():
            step = max(1, TOGETHER // self.spans[places[0]][1])
            yield from (places[first : first + step] for first in range(0, len(places), step))

    def _stacked(self, content: torch.Tensor, places: Sequence[int]) -> torch.Tensor:
        """Samples of one form as one tensor [n, …]; those that lie one behind the other are not copied."""
        form, (first, size) = self.forms[places[0]], self.spans[places[0]]
        stride = _padded(size)
        if places == list(range(places[0], places[0] + len(places))) and size == stride:
            rows = content[first : first + len(places) * size].view(len(places), size)
        else:
            rows = torch.stack([content[start : start + size] for start, _ in (self.spans[place] for place in places)])
        return rows.view(getattr(torch, form.kind)).view(len(places), *form.shape)


def pack(samples: Sequence[Decoded | torch.Tensor]) -> Packed:
    """Samples in one piece, in shared memory where a worker makes it."""
    arrays = [_arrays(sample) for sample in samples]
    sizes = [sum(array.nbytes for array in some) for some in arrays]
    ends = np.cumsum([_padded(size) for size in sizes]).tolist()
    starts = [0, *ends[:-1]]
    content = _room(ends[-1])
    written = content.numpy()
    for start, some in zip(starts, arrays, strict=True):
        for array in some:
            written[start : start + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            start += array.nbytes
    forms, hows = [], []
    for sample, some in zip(samples, arrays, strict=True):
        decoded = isinstance(sample, Decoded)
        shape = (len(some), *some[0].shape) if decoded else some[0].shape
        forms.append(Form(some[0].dtype.name, shape, decoded))
        hows.append(sample.how if isinstance(sample, Decoded) else None)
    return Packed(content, tuple(zip(starts, sizes, strict=True)), tuple(forms), tuple(hows))


def _arrays(sample: Decoded | torch.Tensor) -> Sequence[np.ndarray]:
    return sample.arrays if isinstance(sample, Decoded) else [sample.numpy()]


def _room(size: int) -> torch.Tensor:
    """Bytes to be written; those of a worker in memory that it shares, as torch's own collation takes it, so that they
    are not copied into it afterwards."""
    if torch.utils.data.get_worker_info() is None:
        return torch.empty(size, dtype=torch.uint8)
    return torch.empty(0, dtype=torch.uint8).set_(torch.UntypedStorage._new_shared(size))


def _padded(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
