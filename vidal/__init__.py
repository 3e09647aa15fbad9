"""Language-aligned multimodal datasets: from search terms to verified WebDataset shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__version__ = "0.1.0"


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
