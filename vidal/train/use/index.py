"""A shard set, embedded and laid out for search by text.

An index is three files: FILE, which FAISS reads, `FILE.vectors`, where it finds the unit vectors, and `FILE.parquet`,
which says in the same order whose they are. Search is exact: every vector is compared. Neither writing nor search holds
the vectors in memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vidal import models
from vidal.engine.errors import ConfigError, MissingError
from vidal.train.data.texts import TextPolicy
from vidal.train.evaluate.embedder import unit
from vidal.train.modalities import modality
from vidal.train.use.ahead import groups
from vidal.train.use.embedder import Towers
from vidal.train.use.loading import load
from vidal.train.use.samples import Samples, Taken

BLOCK = 4096
"""Vectors of a block, and rows of a group of the Parquet file."""
BATCH = 64
"""Samples that are held decoded."""
VECTORS, ROWS = ".vectors", ".parquet"
SHOWN = TextPolicy((("txt", 1.0),), ("raw", "polish_mplug", "mplug", "ofa"))
"""The text that stands beside a sample: `txt`, or what there is."""
LETTERS = 500
SCHEMA = pa.schema([("key", pa.string()), ("shard", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Indexed:
    """How many samples an index holds, and how many were passed over, by reason."""

    samples: int
    skipped: Mapping[str, int]


@dataclass(frozen=True)
class Hit:
    """A sample that was found: the cosine of its vector and the text's, and where it is."""

    score: float
    key: str
    shard: str
    text: str


def index(location: str, kind: str, name: str, out: Path, device: str = "auto") -> Indexed:
    """Embed the samples of shards that are of the modality `kind` by the model `name`, and write an index of them.

    The files appear when they are whole, and replace those of the same names. ConfigError or MissingError as `load` and
    the reading of shards raise them, or where no sample can be read.
    """
    import faiss

    towers = load({kind: name}, device)
    samples = Samples(location, modality(kind), towers.vision(kind), SHOWN, text_needed=False)
    facts = {"vidal.model": _lasting(name), "vidal.content": models.identity(name), "vidal.modality": kind}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        parts = {end: Path(scratch, out.name + end) for end in ("", VECTORS, ROWS)}
        blocks: list[str] = []
        with pq.ParquetWriter(parts[ROWS], SCHEMA.with_metadata(facts)) as rows:
            for taken in groups(_embedded(towers, kind, samples), BLOCK):
                vectors = np.stack([vector for _, vector in taken])
                blocks.append(str(Path(scratch, f"block-{len(blocks)}")))
                faiss.write_index(_block(vectors, (len(blocks) - 1) * BLOCK), blocks[-1])
                rows.write_table(_rows([sample for sample, _ in taken]), row_group_size=BLOCK)
        if not blocks:
            raise ConfigError(f"{location}: no sample can be read as {kind}: {dict(samples.skipped)}")
        count = _joined(blocks, towers.width, parts[""], parts[VECTORS])
        for end in (VECTORS, ROWS, ""):
            os.replace(parts[end], f"{out}{end}")
    return Indexed(count, dict(samples.skipped))


def search(file: Path, text: str, k: int = 10, device: str = "auto") -> list[Hit]:
    """The `k` samples of an index that are most like a text, best first.

    MissingError or ConfigError for an index that is not whole, or whose model is absent or another than it was made
    with.
    """
    import faiss

    rows, facts = _opened(file)
    name, kind = facts["vidal.model"], facts["vidal.modality"]
    if models.identity(name) != facts["vidal.content"]:
        raise ConfigError(f"{name} is not the model any more that {file} was made with; run `vidal index` again")
    query = unit(load({kind: name}, device).texts([text]))
    try:
        found = faiss.read_index(str(file), faiss.IO_FLAG_ONDISK_SAME_DIR | faiss.IO_FLAG_READ_ONLY)
    except RuntimeError as error:
        raise ConfigError(f"{file} is no index that can be read; run `vidal index` again") from error
    if found.ntotal != rows.metadata.num_rows or found.d != query.shape[1]:
        raise ConfigError(f"{file}{ROWS} belongs to another index; run `vidal index` again")
    scores, places = found.search(query, min(k, found.ntotal))
    return [_hit(rows, int(place), float(score)) for score, place in zip(scores[0], places[0], strict=True)]


def _embedded(towers: Towers, kind: str, samples: Samples) -> Any:
    """Every sample with its unit vector; its tensor is let go."""
    for some in groups(samples, BATCH):
        vectors = unit(towers.tensors(kind, [sample.pixels for sample in some]))
        if not np.isfinite(vectors).all():
            raise ConfigError(f"a vector of {kind} is not finite; is the checkpoint sound?")
        yield from ((_Row(one), vector) for one, vector in zip(some, vectors, strict=True))


class _Row:
    """What is kept of a sample."""

    def __init__(self, sample: Taken) -> None:
        self.key, self.shard, self.text = sample.key, sample.shard, sample.text[:LETTERS]


def _rows(samples: Sequence[_Row]) -> pa.Table:
    return pa.table({name: [getattr(one, name) for one in samples] for name in SCHEMA.names}, schema=SCHEMA)


def _empty(width: int) -> Any:
    """An index of inner products with a single list, so that a search compares all."""
    import faiss

    middle = faiss.IndexFlatIP(width)
    middle.add(np.zeros((1, width), np.float32))
    made = faiss.IndexIVFFlat(middle, width, 1, faiss.METRIC_INNER_PRODUCT)
    made.is_trained = True
    made._middle = middle
    return made


def _block(vectors: np.ndarray, first: int) -> Any:
    made = _empty(vectors.shape[1])
    made.add_with_ids(vectors, np.arange(first, first + len(vectors)))
    return made


def _joined(blocks: Sequence[str], width: int, file: Path, vectors: Path) -> int:
    """Write one index of all blocks, its vectors in a file of their own."""
    import faiss
    from faiss.contrib.ondisk import merge_ondisk

    whole = _empty(width)
    merge_ondisk(whole, list(blocks), str(vectors))
    faiss.downcast_InvertedLists(whole.invlists).filename = vectors.name
    faiss.write_index(whole, str(file))
    return int(whole.ntotal)


def _lasting(name: str) -> str:
    """A model's name as it is still found from another folder."""
    return str(Path(name).expanduser().absolute()) if Path(name).expanduser().exists() else name


def _opened(file: Path) -> tuple[pq.ParquetFile, dict[str, str]]:
    for end in ("", VECTORS, ROWS):
        if not Path(f"{file}{end}").is_file():
            raise MissingError(f"{file}{end} does not exist; an index is written by `vidal index`")
    try:
        rows = pq.ParquetFile(f"{file}{ROWS}")
        facts = {key.decode(): value.decode() for key, value in (rows.schema_arrow.metadata or {}).items()}
        return rows, {key: facts[key] for key in ("vidal.model", "vidal.content", "vidal.modality")}
    except (pa.ArrowInvalid, KeyError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}{ROWS} is none that `vidal index` wrote: {error}") from error


def _hit(rows: pq.ParquetFile, place: int, score: float) -> Hit:
    group = rows.read_row_group(place // BLOCK, use_threads=False).slice(place % BLOCK, 1).to_pylist()[0]
    return Hit(score, group["key"], group["shard"], group["text"])
