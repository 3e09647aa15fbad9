"""`filter/clap`: how well a sound agrees with its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal import models
from vidal.engine.step import Read, Resources, Result, Sample, Step
from vidal.filter.config import ModelConfig
from vidal.filter.embeddings import EMBEDDING, TextEmbeddings, centre
from vidal.filter.spoken import spoken
from vidal.media.sound import decode_audio


class ClapScore(Step):
    """Cosines of a sound, and its embedding; all null where there is no sound.

    With the title, or the hashtags where nothing is left of it (`clap_title`, null where there is neither), and the
    greatest with any of the search terms that found the sample (`clap_term`, null where no term did).
    `clap_embedding` is the embedding, of unit length.
    """

    name = "filter/clap"
    version = 2
    reads = (
        Read("harvest/media", members=("flac",)),
        Read("harvest/screen", ("title", "hashtags")),
        Read("harvest/candidates", ("terms",)),
    )
    columns = {"clap_title": pa.float32(), "clap_term": pa.float32(), "clap_embedding": EMBEDDING}
    unpublished = ("clap_embedding",)
    resources = Resources(gpus=0.25, batch_size=16, actor=True)

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def settings(self) -> Mapping[str, Any]:
        return {"checkpoint": self.config.checkpoint, "identity": models.identity(self.config.checkpoint)}

    def setup(self) -> None:
        self._model = models.load("clap", self.config.checkpoint)
        self._texts = TextEmbeddings(self._model.embed_texts)

    def prepare(self, sample: Sample) -> None:
        sound = heard(sample)
        sample.prepared = sound and self._model.features(*sound)

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        with_sound = [sample for sample in samples if sample.prepared]
        results = [sample.ok(dict.fromkeys(self.columns)) for sample in samples if not sample.prepared]
        sounds = self._model.embed_features([sample.prepared for sample in with_sound])
        titles = [spoken(sample) for sample in with_sound]
        terms = [sample.columns["terms"] or [] for sample in with_sound]
        texts = self._texts.of(filter(None, titles), [term for some in terms for term in some])
        for sample, sound, title, some in zip(with_sound, sounds, titles, terms, strict=True):
            columns = {
                "clap_title": float(sound @ texts[title]) if title else None,
                "clap_term": max((float(sound @ texts[term]) for term in some), default=None),
                "clap_embedding": centre(sound[None]),
            }
            results.append(sample.ok(columns))
        return results


def heard(sample: Sample) -> tuple[np.ndarray, int] | None:
    """A sample's sound as float32 [n] mono and its rate in Hz; None without a sound track, or one of no length."""
    if "flac" not in sample.members:
        return None
    wave, rate = decode_audio(sample.members["flac"])
    return (wave, rate) if len(wave) else None
