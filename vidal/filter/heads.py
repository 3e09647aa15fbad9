"""`filter/clip_heads` and `filter/clap_heads`: linear heads over stored embeddings, such as an aesthetic score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import HeadConfig


class Heads(Step):
    """One column per head, named by it: its value for the embedding of the sample, null where there is none.

    Reads stored embeddings alone, so that a changed head decodes nothing and runs no other model. Heads over pictures
    and heads over sounds are steps of their own: a sound has no embedding of pictures, and both may have failed alone.
    ConfigError, naming both, for a head of another width than the embeddings.
    """

    resources = Resources(batch_size=256)

    def __init__(self, over: Literal["clip", "clap"], heads: Sequence[HeadConfig]) -> None:
        self.name = f"filter/{over}_heads"
        self.kinds = frozenset({"video"} if over == "clip" else {"video", "audio"})
        self.embedding = f"{over}_embedding"
        self.reads = (Read(f"filter/{over}", (self.embedding,)),)
        self.heads = {head.name: head.checkpoint for head in heads}
        self.columns = {name: pa.float32() for name in self.heads}

    def settings(self) -> Mapping[str, Any]:
        return {name: models.identity(checkpoint) for name, checkpoint in self.heads.items()}

    def setup(self) -> None:
        self._heads = {name: models.load("head", checkpoint) for name, checkpoint in self.heads.items()}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [sample.ok(self._values(sample.columns[self.embedding])) for sample in samples]

    def _values(self, embedding: Sequence[float] | None) -> dict[str, float | None]:
        if embedding is None:
            return dict.fromkeys(self._heads)
        for name, head in self._heads.items():
            if head.width != len(embedding):
                raise ConfigError(
                    f"the head {name}, {self.heads[name]!r}, is for embeddings of {head.width} numbers, and those of "
                    f"{self.spine} have {len(embedding)}; a head belongs to the checkpoint it was trained on"
                )
        return {name: head.value(embedding) for name, head in self._heads.items()}
