"""A shard set, embedded and laid out for search by text.

An index is two files: FILE, a flat index of FAISS, which is unit vectors compared by their inner product, and
`FILE.parquet`, which says in the same order whose they are. Search is exact: every vector is compared. Neither writing
nor search holds the vectors in memory.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

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
"""Rows of a group of the Parquet file, which is what is read for a hit."""
BATCH = 64
"""Samples that are held decoded."""
ROWS = ".parquet"
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

    The files appear when they are whole, and replace those of the same names; old rows never stand beside new vectors.
    ConfigError or MissingError as `load` and
    the reading of shards raise them, or where no sample can be read.
    """
    if out.is_dir():
        raise ConfigError(f"{out} is a folder; name a file for the index")
    towers = load({kind: name}, device)
    samples = Samples(location, modality(kind), towers.vision(kind), SHOWN, text_needed=False)
    facts = {"vidal.model": _lasting(name), "vidal.content": models.identity(name), "vidal.modality": kind}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        part = Path(scratch, out.name)
        with part.open("wb") as vectors, pq.ParquetWriter(f"{part}{ROWS}", SCHEMA.with_metadata(facts)) as rows:
            count = _write(_embedded(towers, kind, samples), towers.width, vectors, rows)
        if not count:
            raise ConfigError(f"{location}: no sample can be read as {kind}: {dict(samples.skipped)}")
        _mapped(part)
        out.unlink(missing_ok=True)
        os.replace(f"{part}{ROWS}", f"{out}{ROWS}")
        os.replace(part, out)
    return Indexed(count, dict(samples.skipped))


def search(file: Path, text: str, k: int = 10, device: str = "auto") -> list[Hit]:
    """The `k` samples of an index that are most like a text, best first.

    MissingError or ConfigError for an index that is not whole, or whose model is absent or another than it was made
    with.
    """
    rows, facts = _opened(file)
    name, kind = facts["vidal.model"], facts["vidal.modality"]
    if models.identity(name) != facts["vidal.content"]:
        raise ConfigError(f"{name} is not the model any more that {file} was made with; run `vidal index` again")
    query = unit(load({kind: name}, device).texts([text]))
    found = _mapped(file)
    if found.ntotal != rows.metadata.num_rows or found.d != query.shape[1]:
        raise ConfigError(f"{file}{ROWS} belongs to another index; run `vidal index` again")
    scores, places = found.search(query, min(k, found.ntotal))
    return [_hit(rows, int(place), float(score)) for score, place in zip(scores[0], places[0], strict=True)]


def _embedded(towers: Towers, kind: str, samples: Samples) -> Iterator[tuple[list[Taken], np.ndarray]]:
    """Samples, some at a time, with their unit vectors."""
    for some in groups(samples, BATCH):
        vectors = unit(towers.tensors(kind, [sample.pixels for sample in some]))
        if not np.isfinite(vectors).all():
            raise ConfigError(f"a vector of {kind} is not finite; is the checkpoint sound?")
        yield some, vectors


def _write(
    embedded: Iterator[tuple[list[Taken], np.ndarray]], width: int, vectors: BinaryIO, rows: pq.ParquetWriter
) -> int:
    """Write vectors and rows as they come; how many there were."""
    vectors.write(_header(width, 0))
    told: list[dict[str, str]] = []
    count = 0
    for some, made in embedded:
        vectors.write(made.astype("<f4").tobytes())
        told += [{"key": one.key, "shard": one.shard, "text": one.text[:LETTERS]} for one in some]
        count += len(some)
        while len(told) >= BLOCK:
            rows.write_table(pa.Table.from_pylist(told[:BLOCK], SCHEMA))
            del told[:BLOCK]
    if told:
        rows.write_table(pa.Table.from_pylist(told, SCHEMA))
    vectors.seek(0)
    vectors.write(_header(width, count))
    return count


def _header(width: int, count: int) -> bytes:
    """What FAISS writes before the vectors of a flat index, which it can only write from memory: that of an index of
    one vector, with the number of vectors (bytes 8 to 16) and of their floats (the last 8 bytes) put in."""
    import faiss

    one = faiss.IndexFlatIP(width)
    one.add(np.zeros((1, width), np.float32))
    written = faiss.serialize_index(one).tobytes()[: -4 * width]
    return written[:8] + struct.pack("<q", count) + written[16:-8] + struct.pack("<Q", count * width)


def _mapped(file: Path) -> Any:
    """An index whose vectors stay on disk. ConfigError for what is none."""
    import faiss

    try:
        return faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise ConfigError(f"{file} is no index that can be read; run `vidal index` again") from error


def _lasting(name: str) -> str:
    """A model's name as it is still found from another folder."""
    return str(Path(name).expanduser().absolute()) if Path(name).expanduser().exists() else name


def _opened(file: Path) -> tuple[pq.ParquetFile, dict[str, str]]:
    for end in ("", ROWS):
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
