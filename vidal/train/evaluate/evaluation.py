"""An embedder measured on items with texts or classes, and another beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vidal.engine.errors import ConfigError
from vidal.train.evaluate import classes, reading
from vidal.train.evaluate.benchmark import Benchmark
from vidal.train.evaluate.data import Captioned, Items, Labelled, Media
from vidal.train.evaluate.embedder import TEXT, Embedder, parts, unit
from vidal.train.evaluate.ranks import Among, ranks, recalls

CHUNK = 1024
"""Texts or media that an embedder is asked for at once."""
Pair = tuple[str, str]
Told = Callable[[str, int, int], None]
"""What is embedded, how many are done, and of how many."""


@dataclass(frozen=True)
class Measured:
    """One comparison: how `queries` of a side found what they should on the other.

    `figures` are of unit vectors. `unnormalised` are of vectors as they come, which the published rankings of
    LanguageBind are made of; only retrieval has both.
    """

    query: str
    gallery: str
    queries: int
    figures: Mapping[str, float]
    unnormalised: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Outcome:
    """A benchmark's result. `missing` of the items were left out; the published split has `stated_items` and
    `stated_texts`, as far as known."""

    benchmark: str
    title: str
    items: int
    texts: int
    missing: int
    stated_items: int | None
    stated_texts: int | None
    measured: tuple[Measured, ...]
    baseline: tuple[Measured, ...] = ()


def evaluate(
    benchmark: Benchmark,
    root: Path,
    embedder: Embedder,
    baseline: Embedder | None = None,
    told: Told = lambda what, done, of: None,
) -> Outcome:
    """A benchmark whose data are in the folder `root`, by an embedder, and by another on the same inputs.

    ConfigError and MissingError for data that are wrong or absent.
    """
    data = reading.read(benchmark, root)

    def measure(one: Embedder) -> tuple[Measured, ...]:
        if isinstance(data, Captioned):
            return retrieval(data, benchmark.compare, one, benchmark.retrieval.found, told)
        templates = reading.templates(benchmark.classification, root)
        several = benchmark.classification.separator is not None
        return classification(data, benchmark.compare, one, templates, several, told)

    return Outcome(
        benchmark=benchmark.name,
        title=benchmark.title,
        items=len(data.items.ids),
        texts=len(data.texts) if isinstance(data, Captioned) else 0,
        missing=data.items.missing,
        stated_items=benchmark.items,
        stated_texts=benchmark.captions,
        measured=measure(embedder),
        baseline=measure(baseline) if baseline is not None else (),
    )


def retrieval(
    data: Captioned,
    compare: Sequence[Pair],
    embedder: Embedder,
    among: Among = "rows",
    told: Told = lambda what, done, of: None,
) -> tuple[Measured, ...]:
    """Both directions of every pair of sides. `among` is what the rank of a text counts (see `ranks`)."""
    sides = _Sides(embedder, data.items, data.texts, told)
    own = range(len(data.items.ids))
    found = []
    for pair in compare:
        for query, gallery in (pair, pair[::-1]):
            answers = data.owners if query == TEXT else own
            groups = data.owners if gallery == TEXT else own
            asked, shown = sides.vectors(query), sides.vectors(gallery)
            _same_width(query, asked, gallery, shown)
            normalised, raw = (
                recalls(ranks(a, b, answers, groups, among)) for a, b in ((unit(asked), unit(shown)), (asked, shown))
            )
            found.append(Measured(query, gallery, len(asked), normalised, raw))
    return tuple(found)


def classification(
    data: Labelled,
    compare: Sequence[Pair],
    embedder: Embedder,
    templates: Sequence[str],
    several: bool = False,
    told: Told = lambda what, done, of: None,
) -> tuple[Measured, ...]:
    """The first side of every pair sorted into classes that the second names (`text`) or shows by its examples.

    top-1 and top-5, or where items have `several` classes, mAP.
    """
    sides = _Sides(embedder, data.items, (), told)
    single = [labels[0] for labels in data.labels]
    found = []
    for query, gallery in compare:
        media = sides.vectors(query)
        if gallery == TEXT:
            words = classes.by_words(sides.texts, data.classes, templates)
            _same_width(query, media, gallery, words)
            scores = classes.scores(media, words, data.items.views)
        else:
            _enough_examples(data)
            examples = sides.vectors(gallery)
            _same_width(query, media, gallery, examples)
            scores = classes.by_examples(media, examples, single, len(data.classes))
        measure = classes.mean_average_precision(scores, data.labels) if several else classes.accuracies(scores, single)
        found.append(Measured(query, gallery, len(scores), measure))
    return tuple(found)


@dataclass
class _Sides:
    """The vectors of the sides of one embedder, each made once."""

    embedder: Embedder
    items: Items
    captions: Sequence[str]
    told: Told
    made: dict[str, np.ndarray] = field(default_factory=dict)

    def vectors(self, side: str) -> np.ndarray:
        """As they come of texts and of a modality; of several modalities the sum of the unit vectors."""
        single = parts(side)
        if len(single) > 1:
            return np.sum([unit(self.vectors(one)) for one in single], axis=0, dtype=np.float32)
        if side not in self.made:
            self.made[side] = self.texts(self.captions) if side == TEXT else self._media(side)
        return self.made[side]

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed(TEXT, texts, lambda some: self.embedder.texts(list(some)))

    def _media(self, modality: str) -> np.ndarray:
        return self._embed(modality, self.items.media[modality], lambda some: self.embedder.media(modality, some))

    def _embed(self, what: str, inputs: Sequence[Any], embed: Callable[[Sequence[Any]], np.ndarray]) -> np.ndarray:
        if not len(inputs):
            raise ConfigError(f"nothing to embed: there is no {what}")
        found = []
        for start in range(0, len(inputs), CHUNK):
            some = inputs[start : start + CHUNK]
            found.append(_sound(what, some, embed(some)))
            self.told(what, start + len(some), len(inputs))
        return np.concatenate(found)


def _sound(what: str, asked: Sequence[Any], vectors: np.ndarray) -> np.ndarray:
    """The vectors, if they are as many as asked for and finite: what is not finite would seem to win every
    comparison."""
    if vectors.ndim != 2 or len(vectors) != len(asked):
        raise ValueError(f"{len(asked)} of {what} were embedded as an array of shape {vectors.shape}")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        first = asked[int(np.flatnonzero(~finite)[0])]
        shown = first.path if isinstance(first, Media) else repr(first)[:80]
        raise ConfigError(f"the embedding of {what} {shown} is not finite; is the checkpoint sound?")
    return vectors.astype(np.float32, copy=False)


def _same_width(query: str, asked: np.ndarray, gallery: str, shown: np.ndarray) -> None:
    if asked.shape[1] != shown.shape[1]:
        raise ConfigError(
            f"vectors of {query} have {asked.shape[1]} numbers, those of {gallery} {shown.shape[1]}; "
            "the checkpoints are of no common space"
        )


def _enough_examples(data: Labelled) -> None:
    counts = np.bincount([labels[0] for labels in data.labels], minlength=len(data.classes))
    if (lonely := np.flatnonzero(counts < 2)).size:
        raise ConfigError(f"class {data.classes[lonely[0]]!r} has {counts[lonely[0]]} items; to be shown it needs two")
