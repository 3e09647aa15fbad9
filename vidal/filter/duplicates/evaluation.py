"""Samples that stand in a test set: by title, and by embedding."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vidal.engine.errors import ConfigError, MissingError
from vidal.filter.duplicates.config import EvaluationConfig
from vidal.filter.duplicates.semantic import unit
from vidal.resources import locate
from vidal.terms.config import Corpus
from vidal.terms.corpora import NEED_FIELD, format_of
from vidal.terms.normalise import normalise
from vidal.terms.read import slices, texts

KEY = "filter.duplicates.against"
COLUMN = "embedding"
BLOCK = 4096
"""Embeddings of a test set, and samples, that are compared at once."""


def folded(text: str) -> str:
    """What is left of a text to compare: letters, digits and marks, case folded, one space between words."""
    plain = unicodedata.normalize("NFKC", normalise(text)).casefold()
    return " ".join("".join(letter if unicodedata.category(letter)[0] in "LNM" else " " for letter in plain).split())


def check(against: Iterable[EvaluationConfig], base: Path) -> None:
    """Raise ConfigError, naming the file and the key, unless every file of the test sets is there and holds what is
    asked of it."""
    for one in against:
        if one.titles is not None:
            titles(one, base)
        if one.embeddings is not None:
            _embedding_file(one, base)


def titles(one: EvaluationConfig, base: Path) -> frozenset[str]:
    """The folded titles of a test set. Raises ConfigError as `check` does."""
    key = f"{KEY} {one.name}, titles"
    path = _located(one.titles or "", base, key)
    corpus = Corpus(name=one.name, path=str(path), field=one.field)
    try:
        format_ = format_of(corpus, path)
        if format_ in NEED_FIELD and one.field is None:
            raise ConfigError(f"{path} needs `field`, the column or path of its titles")
        found = frozenset(folded(text) for part in slices(path, format_, one.field) for text in texts(part)) - {""}
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error
    if not found:
        raise ConfigError(f"{key}: {path} holds no text")
    return found


def embeddings(one: EvaluationConfig, base: Path, width: int) -> np.ndarray:
    """The embeddings of a test set, float32 [n, width], of unit length. Raises ConfigError as `check` does, and for
    another width than that of the samples."""
    path, key = _embedding_file(one, base), f"{KEY} {one.name}, embeddings"
    lists = pq.read_table(path, columns=[COLUMN], use_threads=False)[COLUMN].combine_chunks()
    values = lists.flatten()
    if lists.null_count or values.null_count or len(values) != len(lists) * width:
        widths = sorted(set(lists.drop_null().value_lengths().unique().to_pylist()))
        raise ConfigError(
            f"{key}: {path} has embeddings of {', '.join(map(str, widths)) or 'no'} numbers, and filter/{one.over} "
            f"makes some of {width}; make them with the same checkpoint"
        )
    found = unit(values.to_numpy(zero_copy_only=False).reshape(-1, width))
    if not found.any(axis=1).all():
        raise ConfigError(f"{key}: {path} holds an embedding of zeros or of what is no number")
    return found


def _embedding_file(one: EvaluationConfig, base: Path) -> Path:
    """The file of a test set's embeddings, which has the column, of the right type, and rows."""
    key = f"{KEY} {one.name}, embeddings"
    path = _located(one.embeddings or "", base, key)
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{key}: {path} is no readable Parquet file: {str(error).splitlines()[0]}") from error
    if COLUMN not in schema.names:
        raise ConfigError(f"{key}: {path} has no column `{COLUMN}`; it has {', '.join(schema.names) or 'none'}")
    kind = schema.field(COLUMN).type
    if not (_is_list(kind) and pa.types.is_floating(kind.value_type)):
        raise ConfigError(f"{key}: the column `{COLUMN}` of {path} is {kind}, not lists of floating-point numbers")
    if not rows:
        raise ConfigError(f"{key}: {path} holds no rows")
    return path


def near(test: np.ndarray, samples: np.ndarray, least: float) -> np.ndarray:
    """Which samples, float16 [n, width], have a cosine of `least` or more with any of `test`, as `embeddings` gives."""
    found = np.zeros(len(samples), bool)
    for start in range(0, len(samples), BLOCK):
        vectors = unit(samples[start : start + BLOCK])
        for at in range(0, len(test), BLOCK):
            found[start : start + BLOCK] |= (vectors @ test[at : at + BLOCK].T).max(1) >= least
    return found


def _is_list(kind: Any) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _located(reference: str, base: Path, key: str) -> Path:
    try:
        path = locate(reference, base)
    except MissingError as error:
        raise ConfigError(f"{key}: {error}") from error
    if path.is_dir():
        raise ConfigError(f"{key}: {path} is a folder; name a file")
    return path
