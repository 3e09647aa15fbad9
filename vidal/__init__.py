"""Language-aligned multimodal datasets: from search terms to verified WebDataset shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from vidal.api import Pipeline as Pipeline
    from vidal.shard.access import Sample as Sample
    from vidal.shard.access import ShardSet as ShardSet

__version__ = "0.1.0"

_LAZY = {"Pipeline": "vidal.api", "Sample": "vidal.shard.access", "ShardSet": "vidal.shard.access"}


def __getattr__(name: str) -> Any:
    """The classes of the API, loaded when they are first named."""
    if name not in _LAZY:
        raise AttributeError(f"module 'vidal' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def open(location: str) -> ShardSet:
    """The samples of a shard set by key or position, read by offset as they are asked for (docs/python.md).

    `location` is a folder of shards, a shard or a glob, local or at any fsspec URL. With an `index.parquet` beside the
    shards, no tar is opened before a member of it is asked for; of shards without one the headers are read once, with a
    warning that says so.

    Raises ConfigError or MissingError of `vidal.engine.errors`, with one message that names the place.
    """
    import warnings

    from vidal.shard.access import open_set

    found = open_set(location)
    if found.scanned:
        first, others = found.scanned[0], len(found.scanned) - 1
        whose = f"{first} and {others} others; their" if others else f"{first}; its"
        warnings.warn(f"{location}: no index speaks of {whose} headers were read", stacklevel=2)
    return found


def embed(inputs: Mapping[str, Sequence[Any]], models: Any, device: str = "auto") -> dict[str, np.ndarray]:
    """Vectors of media and texts that can be compared with each other: float32 [n, width] for each key of `inputs`, of
    length 1, in the order given.

    `inputs` maps `language` to texts, and modalities (`video`, `audio`, `depth`, `thermal`, `image`) to lists of paths,
    of arrays or of tensors (`vidal.train.use.files.pixels` says which). `models` maps each modality to a model's folder
    or Hugging Face id, or is what `vidal.train.use.loading.load` has made of such, which is not loaded again.
    `device` is `auto` (CUDA where visible), `cpu` or `cuda`.

    Raises ConfigError or MissingError of `vidal.engine.errors`, with one message that names the file or the model.
    """
    from vidal.train.use.embed import embed as made

    return made(inputs, models, device)
