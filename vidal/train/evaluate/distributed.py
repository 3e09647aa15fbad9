"""One evaluation by several processes: each embeds a share, all get the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidal.train.evaluate.embedder import Embedder

Part = tuple[np.ndarray, np.ndarray]
"""Places int64 [n], and the vectors at them float32 [n, width]."""


def share(count: int, rank: int, world: int) -> np.ndarray:
    """The places, of `count`, that a rank embeds: as many for every rank, since collectives want shapes alike. To this
    end the last ranks repeat places that others have too."""
    if not count:
        return np.zeros(0, np.int64)
    size = -(-count // world)
    return (rank + world * np.arange(size)) % count


def merge(count: int, parts: Sequence[Part]) -> np.ndarray:
    """The vectors of all places in order, float32 [count, width]. Of a place that several parts have, the first one's
    vector is taken. ValueError where a place is in none."""
    places = np.concatenate([place for place, _ in parts])
    kept, first = np.unique(places, return_index=True)
    if not np.array_equal(kept, np.arange(count)):
        absent = np.setdiff1d(np.arange(count), kept)
        raise ValueError(f"{len(absent)} of {count} places were embedded by no process, the first is {absent[0]}")
    return np.concatenate([vectors for _, vectors in parts])[first]


@dataclass(frozen=True)
class Shared:
    """An embedder that embeds its rank's share, and gathers the others'. Every rank asks the same in the same order."""

    embedder: Embedder
    rank: int
    world: int
    gather: Callable[[Part], Sequence[Part]]
    """A rank's part to the parts of all ranks, in their order."""

    def texts(self, texts: list[str]) -> np.ndarray:
        return self._whole(texts, self.embedder.texts)

    def media(self, modality: str, items: Sequence[Any]) -> np.ndarray:
        return self._whole(items, lambda some: self.embedder.media(modality, some))

    def _whole(self, items: Sequence[Any], embed: Callable[[list[Any]], np.ndarray]) -> np.ndarray:
        places = share(len(items), self.rank, self.world)
        return merge(len(items), self.gather((places, embed([items[place] for place in places]))))


def all_gather(part: Part) -> list[Part]:
    """`Shared.gather` over the default process group of torch.distributed, whose parts are of one shape."""
    import torch
    from torch import distributed

    device = torch.device("cuda") if distributed.get_backend() == "nccl" else torch.device("cpu")
    gathered = []
    for array in part:
        own = torch.from_numpy(np.ascontiguousarray(array)).to(device)
        all_ = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
        distributed.all_gather(all_, own)
        gathered.append([one.cpu().numpy() for one in all_])
    return list(zip(*gathered, strict=True))
