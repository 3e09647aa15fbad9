"""Pooling the corpora out of memory: raw texts are counted into buckets by hash, then each bucket is finished alone.

A text's bucket follows from its hash, so equal texts meet in one bucket wherever they stood, and the pool, read bucket
by bucket, is in order of that hash whatever the number of files, buckets and workers.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.schemas import TERM_COUNTS, TERM_POOL
from vidal.engine.workspace import Workspace
from vidal.terms.config import TermsConfig
from vidal.terms.language import language
from vidal.terms.normalise import entries, refusal
from vidal.terms.read import Slice, texts
from vidal.terms.tagging import LONGEST_NAME, keywords, multiword_name, open_tagger, tokens

FLUSH = 200_000
"""Distinct texts a reader holds before it writes them out."""
BATCH = 4096
"""Texts tagged at a time."""
AUDIO, VIDEO = 1, 2
MODALITIES = {"audio": AUDIO, "video": VIDEO, "both": AUDIO | VIDEO}
"""What a term should search, as bits."""


@dataclass(frozen=True)
class ReadWork:
    """A slice of a corpus to count. `number` is its place among all slices, `source` its corpus's among the corpora."""

    number: int
    part: Slice
    source: int
    kind: str
    modality: int
    separator: str | None
    size: int

    @property
    def label(self) -> str:
        return self.part.path.name

    def __len__(self) -> int:
        return max(1, self.size // 64)


@dataclass(frozen=True)
class Read:
    """What a reader saw: texts by source, and those it refused by reason."""

    number: int
    source: int
    seen: int
    refused: Mapping[str, int]
    files: int


class Reader:
    """Counts the texts of a slice and writes them, one row group per bucket; what it saw, written last, commits it."""

    name = "terms/read"

    def __init__(self, workspace: Workspace, folder: str, buckets: int, config: TermsConfig) -> None:
        self.workspace, self.folder, self.buckets, self.config = workspace, folder, buckets, config

    def setup(self) -> None:
        return

    def __call__(self, work: ReadWork) -> Read:
        config = self.config
        counts: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        seen = files = 0
        for raw in texts(work.part):
            for text in entries(raw, work.separator):
                seen += 1
                reason = refusal(text, config.max_characters, config.min_words, config.max_words)
                if reason:
                    refused[reason] += 1
                else:
                    counts[text] += 1
            if len(counts) >= FLUSH:
                self._write(work, counts, files)
                counts.clear()
                files += 1
        if counts:
            self._write(work, counts, files)
            files += 1
        read = Read(work.number, work.source, seen, dict(refused), files)
        self.workspace.write_json(commit_name(self.folder, work.number), asdict(read))
        return read

    def _write(self, work: ReadWork, counts: Counter[str], file: int) -> None:
        import pyarrow.parquet as pq

        table = pa.table({"text": list(counts), "count": list(counts.values())}, TERM_COUNTS)
        owners = bucket_of([text_hash(text) for text in counts], self.buckets)
        order = np.argsort(owners, kind="stable")
        sizes = np.bincount(owners, minlength=self.buckets)
        table = table.take(pa.array(order))
        with (
            self.workspace.create(read_name(self.folder, work.number, file)) as stream,
            pq.ParquetWriter(stream, TERM_COUNTS, compression="zstd") as writer,
        ):
            for start, size in zip(np.cumsum(sizes) - sizes, sizes, strict=True):
                writer.write_table(table.slice(start, size), row_group_size=max(1, int(size)))


@dataclass(frozen=True)
class BucketWork:
    """A bucket to finish: `files` are the readers' (slice number, source, kind, modality, how many files)."""

    bucket: int
    files: tuple[tuple[int, int, str, int, int], ...]
    size: int

    @property
    def label(self) -> str:
        return f"{self.bucket:04d}"

    def __len__(self) -> int:
        return self.size


@dataclass(frozen=True)
class Bucketed:
    """What a bucket holds: distinct texts by source, and what was dropped by reason."""

    bucket: int
    distinct: int
    by_source: Mapping[str, int]
    dropped: Mapping[str, int]


class Finisher:
    """Merges a bucket's texts, drops those of other languages and outside the frequencies, and finds their keywords."""

    name = "terms/pool"

    def __init__(
        self,
        workspace: Workspace,
        folder: str,
        config: TermsConfig,
        tagger: str,
        names: frozenset[str],
        excluded: frozenset[str],
    ) -> None:
        self.workspace, self.folder, self.config = workspace, folder, config
        self.tagger, self.names, self.excluded = tagger, names, excluded

    def setup(self) -> None:
        self._tagger = open_tagger(self.tagger)

    def __call__(self, work: BucketWork) -> Bucketed:
        merged = self._merged(work)
        by_source = Counter(str(source) for entry in merged.values() for source in entry["sources"])
        dropped: Counter[str] = Counter()
        rows = []
        for text in sorted(merged, key=lambda text: (text_hash(text), text)):
            entry = merged.pop(text)
            reason, spoken = self._judged(text, entry["kind"], entry["count"])
            if reason:
                dropped[reason] += 1
            else:
                entry["sources"] = sorted(entry["sources"])
                rows.append({"text": text, "hash": text_hash(text), "language": spoken, **entry})
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            spelled = tokens(row["text"] for row in batch)
            for row, words, tags in zip(batch, spelled, self._tagger.tag(spelled), strict=True):
                row["keywords"] = keywords(words, tags, self.names) or _named(row["kind"], words)
        found = Bucketed(work.bucket, sum(dropped.values()) + len(rows), dict(by_source), dict(dropped))
        table = pa.Table.from_pylist(rows, schema=TERM_POOL)
        self.workspace.write_table(pool_name(self.folder, work.bucket), table, {"found": json.dumps(asdict(found))})
        return found

    def _merged(self, work: BucketWork) -> dict[str, dict[str, Any]]:
        merged: dict[str, dict[str, Any]] = {}
        for number, source, kind, modality, files in work.files:
            for file in range(files):
                for text, count in self._rows(read_name(self.folder, number, file), work.bucket):
                    entry = merged.setdefault(text, {"count": 0, "sources": set(), "kind": kind, "modality": 0})
                    entry["count"] += count
                    entry["sources"].add(source)
                    entry["kind"] = min(kind, entry["kind"])
                    entry["modality"] |= modality
        return merged

    def _rows(self, name: str, bucket: int) -> Iterator[tuple[str, int]]:
        import pyarrow.parquet as pq

        with self.workspace.open(name) as stream:
            group = pq.ParquetFile(stream).read_row_group(bucket, use_threads=False)
            yield from zip(group["text"].to_pylist(), group["count"].to_pylist(), strict=True)

    def _judged(self, text: str, kind: str, count: int) -> tuple[str | None, str | None]:
        """Why a text is dropped (None: it stays), and the language it is in as far as one can tell.

        Labels in Latin letters pass unjudged: names such as `viola tricolor` are in no language.
        """
        config = self.config
        if text in self.excluded:
            return "excluded", None
        if count < config.min_count or (config.max_count is not None and count > config.max_count):
            return "frequency", None
        if kind == "labels" and text.isascii():
            return None, None
        spoken, share = language(text, config.language_words)
        if config.languages and spoken not in (None, *config.languages) and share >= config.language_share:
            return "language", spoken
        return None, spoken


def _named(kind: str, words: Sequence[str]) -> tuple[str, ...]:
    """A label in which the tagger sees neither noun nor verb names a thing all the same: it is its own keyword."""
    return (" ".join(words),) if kind == "labels" and 0 < len(words) <= LONGEST_NAME else ()


def found_in(workspace: Workspace, folder: str, bucket: int) -> Bucketed:
    """What a finished bucket holds."""
    return Bucketed(**json.loads(workspace.table_metadata(pool_name(folder, bucket))["found"]))


def multiword_names(labels: Sequence[str], tagger: str) -> frozenset[str]:
    """The labels that are multi-word nouns, lemmatised."""
    spelled = tokens(labels)
    tags = open_tagger(tagger).tag(spelled)
    found = (multiword_name(words, tags_of) for words, tags_of in zip(spelled, tags, strict=True))
    return frozenset(name for name in found if name)


def text_hash(text: str) -> int:
    """64 bits of a text's BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def bucket_of(hashes: Sequence[int], buckets: int) -> np.ndarray:
    """The bucket of each hash, by its leading bits: int64 [n]. `buckets` is a power of two."""
    shift = 64 - (buckets.bit_length() - 1)
    found = np.array(hashes, dtype=np.uint64)
    return (found >> np.uint64(shift)).astype(np.int64) if shift < 64 else np.zeros(len(found), np.int64)


def read_name(folder: str, number: int, file: int) -> str:
    return f"{folder}/read-{number:06d}-{file:03d}.parquet"


def commit_name(folder: str, number: int) -> str:
    return f"{folder}/read-{number:06d}.json"


def pool_name(folder: str, bucket: int) -> str:
    return f"{folder}/pool-{bucket:04d}.parquet"
