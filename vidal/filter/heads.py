"""`filter/clip_heads` and `filter/clap_heads`: linear heads over stored embeddings, such as an aesthetic score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import HeadConfig


@dataclass(frozen=True)
class Head:
    """A linear function of an embedding: `weight` float32 [width], `bias`; `file` is where it came from."""

    file: Path
    weight: np.ndarray
    bias: float

    def of(self, embedding: Sequence[float]) -> float:
        """Its value. ConfigError naming file and key where the embedding has another width."""
        if len(embedding) != len(self.weight):
            raise ConfigError(
                f"{self.file}: weight has width {len(self.weight)}, and the embeddings have {len(embedding)}; "
                "a head belongs to the checkpoint it was trained on"
            )
        return float(self.weight @ np.asarray(embedding, np.float32)) + self.bias


class Heads(Step):
    """One column per head, named by it: its value for the embedding of the sample, null where there is none.

    Reads stored embeddings alone, so that a changed head decodes nothing and runs no other model. Heads over pictures
    and heads over sounds are steps of their own: a sound has no embedding of pictures, and both may have failed alone.
    """

    resources = Resources(batch_size=256)

    def __init__(self, over: Literal["clip", "clap"], heads: Sequence[HeadConfig]) -> None:
        self.name = f"filter/{over}_heads"
        self.kinds = frozenset({"video"} if over == "clip" else {"video", "audio"})
        self.embedding = f"{over}_embedding"
        self.reads = (Read(f"filter/{over}", (self.embedding,)),)
        self.heads = {head.name: head.checkpoint for head in heads}
        if len(self.heads) < len(heads):
            raise ConfigError("filter.heads: two heads have the same name; names make columns")
        self.columns = {name: pa.float32() for name in self.heads}

    def settings(self) -> Mapping[str, Any]:
        return {name: models.identity(checkpoint) for name, checkpoint in self.heads.items()}

    def setup(self) -> None:
        self._loaded = {name: load(checkpoint) for name, checkpoint in self.heads.items()}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [sample.ok(self._scores(sample.columns[self.embedding])) for sample in samples]

    def _scores(self, embedding: Sequence[float] | None) -> dict[str, float | None]:
        return {name: None if embedding is None else head.of(embedding) for name, head in self._loaded.items()}


def load(checkpoint: str) -> Head:
    """The head in a safetensors file, or in the one such file of a folder: `weight` [1, width] and `bias` [1].

    MissingError for an absent checkpoint; ConfigError naming file and key for one that is no linear head.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = _file(models.fetch(checkpoint))
    try:
        tensors = {key: value.float().numpy() for key, value in load_file(file).items()}
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{file} is no safetensors file: {error}") from error
    for key, dimensions in (("weight", 2), ("bias", 1)):
        if key not in tensors:
            raise ConfigError(f"{file} has no {key}, only {', '.join(sorted(tensors)) or 'nothing'}")
        shape = tensors[key].shape
        if len(shape) != dimensions or shape[0] != 1:
            wanted = "[1, width]" if key == "weight" else "[1]"
            raise ConfigError(f"{file}: {key} has the shape {list(shape)}, a linear head's is {wanted}")
        if not np.isfinite(tensors[key]).all():
            raise ConfigError(f"{file}: {key} holds values that are no numbers")
    return Head(file, tensors["weight"][0], float(tensors["bias"][0]))


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(path.glob("*.safetensors"))
    if len(files) != 1:
        raise ConfigError(f"{path} holds {len(files)} safetensors files; name the one of the head")
    return files[0]
