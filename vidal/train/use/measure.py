"""An evaluation file carried out, by one process or by several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidal.engine.errors import ConfigError, SampleError
from vidal.train.data.texts import text_policy
from vidal.train.evaluate import annotations, reading
from vidal.train.evaluate.annotations import Row, TableRows
from vidal.train.evaluate.benchmark import benchmark
from vidal.train.evaluate.data import Items, Labelled
from vidal.train.evaluate.distributed import Shared, all_gather
from vidal.train.evaluate.embedder import TEXT, Embedder, unit
from vidal.train.evaluate.evaluation import CHUNK, Measured, Outcome, Told, classification, evaluate
from vidal.train.evaluate.ranks import ranks, recalls
from vidal.train.loop.distributed import World
from vidal.train.modalities import modality
from vidal.train.use.ahead import groups
from vidal.train.use.config import BenchmarkTask, ClassesTask, EvalConfig, RetrievalTask
from vidal.train.use.embedder import Towers
from vidal.train.use.loading import load
from vidal.train.use.samples import Samples, Taken

BATCH = 64
"""Samples of shards that are held decoded."""
UNLABELLED = "NoLabel"


def measure(config: EvalConfig, here: World, told: Told = lambda what, done, of: None) -> list[Outcome]:
    """All tasks of an evaluation file. Every process of a run calls this, and gets the same.

    ConfigError and MissingError, with one message, for models and data that are wrong or absent.
    """
    model = load(config.models, config.device)
    measured = [_Measured(model, here, told)]
    if config.baseline is not None:
        beside = load(dict.fromkeys(config.models, config.baseline), config.device, like=model)
        measured.append(_Measured(beside, here, told))
    return [_outcome(task, measured) for task in config.measure]


def _outcome(task: BenchmarkTask | RetrievalTask | ClassesTask, measured: Sequence[_Measured]) -> Outcome:
    if isinstance(task, BenchmarkTask):
        whole, beside = measured[0].shared, measured[1].shared if len(measured) > 1 else None
        return evaluate(benchmark(task.name), Path(task.folder), whole, beside, measured[0].told)
    run = _retrieval if isinstance(task, RetrievalTask) else _classes
    found = [run(task, one) for one in measured]
    first = found[0]
    return Outcome(
        task.type, _title(task, first.skipped), first.items, first.texts, 0, None, None, first.measured,
        found[1].measured if len(found) > 1 else (),
    )  # fmt: skip


@dataclass(frozen=True)
class _Measured:
    """One embedder, and with whom its work is shared."""

    towers: Towers
    here: World
    told: Told

    @property
    def shared(self) -> Embedder:
        if self.here.size == 1:
            return self.towers
        return Shared(self.towers, self.here.rank, self.here.size, all_gather)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.concatenate([self.shared.texts(some) for some in groups(texts, CHUNK)])


@dataclass(frozen=True)
class _Figures:
    """What a task on shards comes to."""

    items: int
    texts: int
    skipped: Mapping[str, int]
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class _Held:
    """The samples of a shard set, of all ranks: their vectors, as they come, and what was noted of each."""

    vectors: np.ndarray
    noted: list[Any]
    skipped: Counter[str]


def _retrieval(task: RetrievalTask, one: _Measured) -> _Figures:
    held = _held(task, one, lambda sample: sample.text)
    texts, count = one.texts(held.noted), len(held.noted)
    among = task.among or count
    if among > count:
        raise ConfigError(f"{task.shards}: {count} samples can be read; `among` asks for {among}")
    measured = tuple(
        Measured(query, gallery, count - count % among, _grouped(unit(asked), unit(shown), among),
                 _grouped(asked, shown, among))
        for query, asked, gallery, shown in (
            (TEXT, texts, task.modality, held.vectors), (task.modality, held.vectors, TEXT, texts),
        )
    )  # fmt: skip
    return _Figures(count - count % among, count - count % among, held.skipped, measured)


def _grouped(queries: np.ndarray, gallery: np.ndarray, among: int) -> dict[str, float]:
    """Figures of row i of the queries finding row i of the gallery among the rows of its group."""
    own = range(among)
    starts = range(0, len(queries) - among + 1, among)
    return recalls(np.concatenate([ranks(queries[s : s + among], gallery[s : s + among], own, own) for s in starts]))


def _classes(task: ClassesTask, one: _Measured) -> _Figures:
    names = reading.class_names(task.classes, Path())
    labels_of, fields = reading.labels_of(task), _fields(task)

    def noted(sample: Taken) -> tuple[str, ...]:
        value = fields(sample)
        if value is None:
            raise SampleError(UNLABELLED, f"{task.label} is not told")
        return labels_of(Row(f"{task.shards}: {sample.key}", {task.label: value}))

    held = _held(task, one, noted, text_needed=False)
    named = names or {label: label for label in sorted({label for some in held.noted for label in some})}
    places = {label: place for place, label in enumerate(named)}
    unknown = next((label for some in held.noted for label in some if label not in places), None)
    if unknown is not None:
        raise ConfigError(f"{task.shards}: a sample's {task.label} is {unknown!r:.80}, which `classes` does not name")
    labels = tuple(tuple(places[label] for label in some) for some in held.noted)
    count = len(labels)
    items = Items(tuple(map(str, range(count))), {task.modality: range(count)})
    data = Labelled(items, tuple(named.values()), labels)
    templates, several = reading.templates(task, Path()), task.separator is not None
    found = classification(data, [(task.modality, TEXT)], _Given(held.vectors, one), templates, several)
    return _Figures(count, 0, held.skipped, found)


@dataclass(frozen=True)
class _Given:
    """An embedder that has the vectors of its media already, by their place."""

    vectors: np.ndarray
    one: _Measured

    def texts(self, texts: list[str]) -> np.ndarray:
        return self.one.texts(texts)

    def media(self, name: str, items: Sequence[Any]) -> np.ndarray:
        return self.vectors[list(items)]


def _fields(task: ClassesTask) -> Callable[[Taken], Any]:
    """What tells a sample's class: its JSON, or a row of the file."""
    if task.labels is None:
        return lambda sample: _inside(sample.record, task.label)
    path = Path(task.labels)
    rows = annotations.read(TableRows(format="table", path=path.name), path.parent)
    told = {row.one("key"): row.one(task.label) for row in rows}
    return lambda sample: told.get(sample.key)


def _inside(record: Any, label: str) -> str | None:
    """The field of a JSON that dots lead to, as a text; None where there is none, or it is no text or number."""
    for name in label.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    plain = isinstance(record, str | int | float) and not isinstance(record, bool)
    return (str(record).strip() or None) if plain else None


def _held(
    task: RetrievalTask | ClassesTask, one: _Measured, note: Callable[[Taken], Any], text_needed: bool = True
) -> _Held:
    """The vectors of a task's samples, by all ranks. ConfigError where none can be read."""
    towers, here = one.towers, one.here
    policy = text_policy(task.text if isinstance(task, RetrievalTask) else "txt")
    samples = Samples(
        task.shards, modality(task.modality), towers.vision(task.modality), policy, text_needed, here.rank, here.size
    )
    vectors, noted = [np.zeros((0, towers.width), np.float32)], []
    for some in groups(_noted(samples, note, noted), BATCH):
        vectors.append(towers.tensors(task.modality, some))
        one.told(task.shards, len(noted) * here.size, 0)
    parts = here.gathered((np.concatenate(vectors), noted, samples.skipped))
    whole = _Held(
        np.concatenate([part[0] for part in parts]),
        [text for part in parts for text in part[1]],
        sum((part[2] for part in parts), Counter()),
    )
    if not whole.noted:
        raise ConfigError(f"{task.shards}: no sample can be read as {task.modality}: {_counted(whole.skipped)}")
    if not np.isfinite(whole.vectors).all():
        raise ConfigError(f"{task.shards}: a vector of {task.modality} is not finite; is the checkpoint sound?")
    return whole


def _noted(samples: Samples, note: Callable[[Taken], Any], noted: list[Any]) -> Any:
    """What the tower takes of each sample, while what is noted of it is laid by."""
    for sample in samples:
        try:
            noted.append(note(sample))
        except SampleError as error:
            samples.skipped[error.error_class] += 1
            continue
        yield sample.pixels


def _title(task: RetrievalTask | ClassesTask, skipped: Mapping[str, int]) -> str:
    if isinstance(task, RetrievalTask):
        among = f", among {task.among}" if task.among else ""
        asked = f"{task.modality} by {task.text}{among}"
    else:
        asked = f"{task.modality} by {task.label}"
    return f"{task.shards}\n{asked}" + (f"\nleft out: {_counted(skipped)}" if skipped else "")


def _counted(skipped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(skipped.items())) or "there is none"
