"""`filter/duplicates.parquet`: which samples are the same as others, and which stand in a test set."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.nodes import Context, Summary, Table, standing, state
from vidal.engine.step import OK, Step
from vidal.filter.duplicates import evaluation, perceptual, semantic
from vidal.filter.duplicates.config import DuplicatesConfig, EvaluationConfig
from vidal.filter.duplicates.exact import exact
from vidal.filter.duplicates.population import COLUMNS, Population
from vidal.filter.duplicates.spill import Lists, spilt
from vidal.filter.tables import DUPLICATES, SCORES
from vidal.resources import locate

TITLES = "harvest/screen"
KINDS = {"clip": "video", "clap": "audio"}
"""The samples that embeddings of each model are compared of."""


class Duplicates(Table):
    """A row per sample of `filter/scores.parquet`, in its order: `id`, `part`, and, null where there is none,
    `duplicate_of`, `near_duplicate_of` and `semantic_duplicate_of` (the sample that is kept of equals, of the same
    kind) and `leaks_into` (a test set).

    Of equal bytes the smallest id is kept; of near and semantic duplicates the sample of most pixels, then the longest,
    then the smallest id. Nothing depends on parts or their order. A sample whose hashes or embedding failed is not
    compared.

    Raises ConfigError for a test set's file that is absent or wrong, and for embeddings that no step makes.
    """

    name = "filter/duplicates"

    def __init__(
        self, config: DuplicatesConfig, base: Path, hashes: Step | None, clip: Step | None, clap: Step | None
    ) -> None:
        self.config = config
        self.base = base
        self.hashes = hashes if config.perceptual else None
        models = {"clip": clip, "clap": clap}
        self.embedders = {name: step for name, step in models.items() if name in _needed(config)}
        for name, key in _needed(config).items():
            if models[name] is None:
                raise ConfigError(f"{key} compares embeddings of `filter.{name}`; add that section")
        evaluation.check(config.against, base)
        steps = [step.name for step in (self.hashes, *self.embedders.values()) if step]
        titles = [TITLES] if any(one.titles for one in config.against) else []
        self.reads = ("filter/scores", *titles, *steps)

    def settings(self) -> Mapping[str, Any]:
        return {**self.config.model_dump(mode="json"), "files": self._files}

    def run(self, context: Context) -> Summary:
        workspace = context.workspace
        now = state(context, self, SCORES)
        if summary := standing(workspace, DUPLICATES, now):
            return summary
        population = Population(workspace.read_table(SCORES, columns=COLUMNS))
        with tempfile.TemporaryDirectory(prefix="vidal-") as folder:
            vectors = {name: self._vectors(context, name, population, Path(folder)) for name in self.embedders}
            leaks = self._leaks(context, population, vectors)
            columns = {
                "duplicate_of": _ids(population, exact(population)),
                "near_duplicate_of": _ids(population, self._near(context, population, Path(folder))),
                "semantic_duplicate_of": _ids(population, self._semantic(population, vectors)),
                "leaks_into": pa.array(leaks, pa.string()),
            }
        table = pa.table({"id": population.ids, "part": population.table["part"], **columns})
        workspace.write_table(DUPLICATES, table, {"state": now})
        return Summary(len(table), 0, len(table), notes=_told(table))

    @cached_property
    def _files(self) -> dict[str, str]:
        """What the files of test sets hold, by their reference."""
        named = [file for one in self.config.against for file in (one.titles, one.embeddings) if file is not None]
        return {file: _content(locate(file, self.base)) for file in named}

    def _vectors(self, context: Context, name: str, population: Population, folder: Path) -> Lists:
        store = context.store(self.embedders[name].name)
        found = spilt(store, f"{name}_embedding", population, folder / name)
        if len(set(np.diff(found.starts).tolist())) > 1:
            raise MissingError(f"{store.step}: embeddings of several widths; remove its folder to have it made again")
        return found

    def _near(self, context: Context, population: Population, folder: Path) -> np.ndarray:
        if self.config.perceptual is None or self.hashes is None:
            return np.full(len(population), -1, np.int64)
        hashes = spilt(context.store(self.hashes.name), "frame_hashes", population, folder / "hashes")
        return perceptual.near(population, hashes, self.config.perceptual)

    def _semantic(self, population: Population, vectors: Mapping[str, Lists]) -> np.ndarray:
        found = np.full(len(population), -1, np.int64)
        if self.config.semantic:
            for name, kind in KINDS.items():
                if least := getattr(self.config.semantic, name):
                    found = np.maximum(found, semantic.same(population, vectors[name], kind, least))
        return found

    def _leaks(self, context: Context, population: Population, vectors: Mapping[str, Lists]) -> list[str | None]:
        """The first test set that each sample stands in."""
        leaks: list[str | None] = [None] * len(population)
        titles = _titles(context, population) if TITLES in self.reads else []
        for one in self.config.against:
            known = evaluation.titles(one, self.base) if one.titles else frozenset()
            found = {row for row, title in enumerate(titles) if title in known}
            if one.embeddings and len(vectors[one.over].rows):
                found |= set(self._embedded_in(one, vectors[one.over]).tolist())
            for row in found:
                leaks[row] = leaks[row] or one.name
        return leaks

    def _embedded_in(self, one: EvaluationConfig, vectors: Lists) -> np.ndarray:
        samples = semantic.matrix(vectors)
        test = evaluation.embeddings(one, self.base, samples.shape[1])
        return vectors.rows[evaluation.near(test, samples, one.min_cosine)]


def _needed(config: DuplicatesConfig) -> dict[str, str]:
    """The models whose embeddings are compared, each with the key that asks for it."""
    needed = {one.over: f"{evaluation.KEY} {one.name}, embeddings" for one in config.against if one.embeddings}
    if config.semantic:
        needed |= {name: f"filter.duplicates.semantic.{name}" for name in KINDS if getattr(config.semantic, name)}
    return needed


def _titles(context: Context, population: Population) -> list[str]:
    """The folded cleaned title of each row; empty where there is none."""
    titles = [""] * len(population)
    for table in context.store(TITLES).tables(("status", "title")):
        if not len(table):
            continue
        rows = population.rows(table["part"][0].as_py(), table["id"])
        fine = pc.equal(table["status"], OK).to_pylist()
        for row, title, yes in zip(rows.tolist(), table["title"].to_pylist(), fine, strict=True):
            if yes and row >= 0 and title:
                titles[row] = evaluation.folded(title)
    return titles


def _ids(population: Population, rows: np.ndarray) -> pa.Array:
    """The ids of rows, null for -1."""
    return population.ids.take(pa.array(rows, mask=rows < 0))


def _told(table: pa.Table) -> tuple[str, ...]:
    """A line with what was found, where anything was."""
    names = {
        "duplicate_of": "the same bytes as another",
        "near_duplicate_of": "the same pictures",
        "semantic_duplicate_of": "the same content",
        "leaks_into": "in a test set",
    }
    counts = {what: len(table) - table[name].null_count for name, what in names.items()}
    found = [f"{count} {what}" for what, count in counts.items() if count]
    return (f"of {len(table)} samples {', '.join(found)}",) if found else ()


def _content(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
