"""`filter/clip`: how well a clip's keyframes agree with its texts and with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import ClipConfig
from vidal.filter.embeddings import EMBEDDING, TextEmbeddings, centre
from vidal.filter.spoken import spoken
from vidal.media.images import decode_image


class ClipScore(Step):
    """Cosines of a clip's keyframes, and the embedding they make.

    With the title, or the hashtags where nothing is left of it: the mean (`clip_title`) and the maximum
    (`clip_title_max`) over the keyframes; null where there is neither. With the search terms that found the clip: the
    greatest mean (`clip_term`) and the greatest cosine (`clip_term_max`) of any of them; null where no term did. Of
    neighbouring keyframes: the mean (`clip_frames`), near 1 where all show the same; null for a single one.
    `clip_embedding` is the mean of the keyframes' embeddings, of unit length.
    """

    name = "filter/clip"
    version = 2
    kinds = frozenset({"video"})
    reads = (
        Read("harvest/media", members=("frm*.jpg",)),
        Read("harvest/screen", ("title", "hashtags")),
        Read("harvest/candidates", ("terms",)),
    )
    columns = {
        "clip_title": pa.float32(),
        "clip_title_max": pa.float32(),
        "clip_term": pa.float32(),
        "clip_term_max": pa.float32(),
        "clip_frames": pa.float32(),
        "clip_embedding": EMBEDDING,
    }
    unpublished = ("clip_embedding",)
    resources = Resources(gpus=0.25, batch_size=16, actor=True)

    def __init__(self, config: ClipConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        """Whether the model is compiled is left out: like the device, it is for speed."""
        return {"checkpoint": self.config.checkpoint, "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("clip", self.config.checkpoint)
        if self.config.compile:
            try:
                self._model.compile()
            except ConfigError as error:
                raise ConfigError(f"filter.clip.compile: {error}") from error
        self._texts = TextEmbeddings(self._model.embed_texts)

    def prepare(self, sample: Sample) -> None:
        sample.prepared = [self._model.pixels(decode_image(sample.members[name])) for name in sorted(sample.members)]

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        frames = self._model.embed_pixels([frame for sample in samples for frame in sample.prepared])
        titles = [spoken(sample) for sample in samples]
        terms = [sample.columns["terms"] or [] for sample in samples]
        texts = self._texts.of(filter(None, titles), [term for some in terms for term in some])
        results, start = [], 0
        for sample, title, some in zip(samples, titles, terms, strict=True):
            own = frames[start : start + len(sample.prepared)]
            start += len(own)
            results.append(sample.ok(scores(own, texts.get(title), [texts[term] for term in some])))
        return results


def scores(frames: np.ndarray, title: np.ndarray | None, terms: Sequence[np.ndarray]) -> dict[str, Any]:
    """The columns of a clip of keyframe embeddings [n, width], of unit length as its texts' are; n ≥ 1."""
    told = None if title is None else frames @ title
    found = [frames @ term for term in terms]
    neighbours = np.sum(frames[1:] * frames[:-1], axis=1)
    return {
        "clip_title": None if told is None else float(told.mean()),
        "clip_title_max": None if told is None else float(told.max()),
        "clip_term": max((float(one.mean()) for one in found), default=None),
        "clip_term_max": max((float(one.max()) for one in found), default=None),
        "clip_frames": float(neighbours.mean()) if len(neighbours) else None,
        "clip_embedding": centre(frames),
    }
