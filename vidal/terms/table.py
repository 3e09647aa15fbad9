"""`terms/terms.parquet`: the search-term database, from declared corpora to a balanced set of terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from vidal.engine import fingerprint
from vidal.engine.errors import ConfigError
from vidal.engine.nodes import Context, Summary, Table, fingerprint_of
from vidal.engine.runners import Runner
from vidal.engine.runners.local import LocalRunner
from vidal.engine.step import Resources
from vidal.engine.workspace import Workspace
from vidal.terms import pool, select
from vidal.terms.config import TermsConfig
from vidal.terms.corpora import Found, absent, declared, files_of, format_of, missing
from vidal.terms.normalise import normalise
from vidal.terms.read import slices, texts
from vidal.terms.tagging import LONGEST_NAME, resolved

OUTPUT = "terms/terms.parquet"
REPORT = "terms/report.json"
BUCKET_BYTES = 16 << 20
"""Bytes of raw text meant for a bucket, which one worker holds in memory."""
MOST_BUCKETS = 4096
INLINE_BYTES = 2 << 20
"""Corpora smaller than this are pooled in the command's own process: starting workers would take longer."""
_CHOICE = ("limit", "min_keyword_count", "max_keyword_count", "manifests", "corpora", "sources", "exclude", "tagger")
"""Settings that the pool does not depend on, or that enter its fingerprint otherwise."""
_READING = {"name", "kind", "format", "field", "separator", "modality"}
"""What of a source decides how its files are read."""


class Terms(Table):
    """Reads and counts the corpora, drops what can be no term, finds keywords, and keeps a balanced subset.

    The pool of all texts with their keywords is kept under a fingerprint of its own: another size, seed or keyword
    frequency chooses anew from it and tags nothing. An interrupted pooling continues with what is missing.
    """

    name = "terms/terms"
    version = 3

    def __init__(self, config: TermsConfig, base: Path, seed: int) -> None:
        self.config = config
        self.base = base
        self.seed = seed
        self.found = sorted(declared(config, base), key=lambda one: one.corpus.name)
        self.excluded = [(corpus, files_of(corpus, base)) for corpus in config.exclude]
        if lost := [corpus for corpus, files in self.excluded if not files]:
            raise ConfigError(f"terms.exclude: no file at {lost[0].path} for {lost[0].name}; correct its `path`")

    def settings(self) -> Mapping[str, Any]:
        config = self.config
        choice = {"limit": config.limit, "least": config.min_keyword_count, "most": config.max_keyword_count}
        return {"pool": self._pool_settings, "choice": choice, "seed": self.seed}

    @property
    def folders(self) -> tuple[str, ...]:
        return (f"terms/pool-{fingerprint.digest(self._pool_settings)}",)

    @cached_property
    def _pool_settings(self) -> dict[str, Any]:
        sources = [
            {**one.corpus.model_dump(mode="json", include=_READING), "files": [_content(path) for path in one.files]}
            for one in self.found
            if one.files
        ]
        excluded = [[corpus.field, [_content(path) for path in files]] for corpus, files in self.excluded]
        config = self.config.model_dump(mode="json", exclude=set(_CHOICE))
        return {**config, "sources": sources, "exclude": excluded, "tagger": resolved(self.config.tagger)}

    def run(self, context: Context) -> Summary:
        workspace, state = context.workspace, fingerprint_of(self)
        if workspace.exists(REPORT) and workspace.exists(OUTPUT):
            report = workspace.read_json(REPORT)
            if report["state"] == state:
                return Summary(report["distinct"], report["terms"], 0, notes=self._notes())
        [folder] = self.folders
        names = [one.corpus.name for one in self.found]
        pooled = self._pool(context, folder)
        table, report = select.choose(workspace, folder, pooled["buckets"], self.config, self.seed, names)
        for source in pooled["sources"]:
            source["chosen"] = report["chosen"].get(source["name"], 0)
        report = {**report, **pooled, "state": state, "absent": [one.name for one in absent(self.found)]}
        report["dropped"] = dict(Counter(pooled["dropped"]) + Counter(report.pop("left_out")))
        workspace.write_table(OUTPUT, table)
        workspace.write_json(REPORT, report)
        notes = (*self._notes(), *select.told(report))
        return Summary(report["distinct"], 0, len(table), report["dropped"], notes)

    def _notes(self) -> tuple[str, ...]:
        return tuple(missing(corpus, self.base / self.config.corpora) for corpus in absent(self.found))

    def _pool(self, context: Context, folder: str) -> dict[str, Any]:
        """Make the pool whole, and return its figures."""
        workspace, done = context.workspace, f"{folder}/pool.json"
        if workspace.exists(done):
            return workspace.read_json(done)
        works = _read_works(self.found)
        total = sum(work.size for work in works)
        buckets = min(MOST_BUCKETS, 1 << max(0, (total // BUCKET_BYTES).bit_length()))
        runner = context.runner if total > INLINE_BYTES else LocalRunner(0)
        reads = self._read(workspace, runner, folder, works, buckets)
        bucketed = self._finish(workspace, runner, folder, works, reads, buckets)
        figures = _figures(self.found, reads, bucketed)
        workspace.write_json(done, figures)
        for name in workspace.list(folder):
            if name.startswith("read-"):
                workspace.remove(f"{folder}/{name}")
        return figures

    def _read(
        self, workspace: Workspace, runner: Runner, folder: str, works: Sequence[pool.ReadWork], buckets: int
    ) -> list[pool.Read]:
        waiting = [work for work in works if not workspace.exists(pool.commit_name(folder, work.number))]
        reader = pool.Reader(workspace, folder, buckets, self.config)
        for _ in runner.run(reader, waiting, Resources(cpus=1)):
            continue
        reads = [pool.Read(**workspace.read_json(pool.commit_name(folder, work.number))) for work in works]
        seen = Counter[int]()
        for read in reads:
            seen[read.source] += read.seen
        for number, one in enumerate(self.found):
            if one.files and not seen[number]:
                raise ConfigError(f"terms source {one.corpus.name}: {one.files[0]} holds no text; correct its `path`")
        return reads

    def _finish(
        self,
        workspace: Workspace,
        runner: Runner,
        folder: str,
        works: Sequence[pool.ReadWork],
        reads: Sequence[pool.Read],
        buckets: int,
    ) -> list[pool.Bucketed]:
        files = tuple(
            (work.number, work.source, work.kind, work.modality, read.files)
            for work, read in zip(works, reads, strict=True)
            if read.files
        )
        size = sum(read.seen for read in reads) // buckets
        waiting = [
            pool.BucketWork(bucket, files, size)
            for bucket in range(buckets)
            if not workspace.exists(pool.pool_name(folder, bucket))
        ]
        tagger = resolved(self.config.tagger)
        names = pool.multiword_names(_labels(workspace, folder, files), tagger)
        finisher = pool.Finisher(workspace, folder, self.config, tagger, names, self._excluded_texts())
        for _ in runner.run(finisher, waiting, Resources(cpus=1)):
            continue
        return [pool.found_in(workspace, folder, bucket) for bucket in range(buckets)]

    def _excluded_texts(self) -> frozenset[str]:
        return frozenset(
            normalise(text)
            for corpus, files in self.excluded
            for path in files
            for part in slices(path, format_of(corpus, path), corpus.field)
            for text in texts(part)
        )


def _read_works(found: Sequence[Found]) -> list[pool.ReadWork]:
    works: list[pool.ReadWork] = []
    for source, one in enumerate(found):
        corpus = one.corpus
        for path in one.files:
            for part in slices(path, format_of(corpus, path), corpus.field):
                size = min(path.stat().st_size, (part.stop or 1 << 62) - part.start)
                modality = pool.MODALITIES[corpus.modality]
                works.append(pool.ReadWork(len(works), part, source, corpus.kind, modality, corpus.separator, size))
    return works


def _labels(workspace: Workspace, folder: str, files: Sequence[tuple[int, int, str, int, int]]) -> list[str]:
    """The labels of two words or more, from which multi-word nouns are learned."""
    found = set()
    for number, _, kind, _, count in files:
        if kind != "labels":
            continue
        for file in range(count):
            table = workspace.read_table(pool.read_name(folder, number, file), columns=["text"])
            found.update(text for text in table["text"].to_pylist() if 1 <= text.count(" ") < LONGEST_NAME)
    return sorted(found)


def _figures(found: Sequence[Found], reads: Sequence[pool.Read], bucketed: Sequence[pool.Bucketed]) -> dict[str, Any]:
    """What was read and pooled, by source and by reason."""
    dropped: Counter[str] = Counter()
    distinct: Counter[str] = Counter()
    for bucket in bucketed:
        dropped.update(bucket.dropped)
        distinct.update(bucket.by_source)
    sources = []
    for number, one in enumerate(found):
        own = [read for read in reads if read.source == number]
        refused: Counter[str] = Counter()
        for read in own:
            refused.update(read.refused)
        entries = sum(read.seen for read in own)
        sources.append(
            {
                "name": one.corpus.name,
                "kind": one.corpus.kind,
                "entries": entries,
                "refused": dict(sorted(refused.items())),
                "distinct": distinct[str(number)],
            }
        )
    return {
        "buckets": len(bucketed),
        "distinct": sum(bucket.distinct for bucket in bucketed),
        "dropped": dict(sorted(dropped.items())),
        "sources": sources,
    }


def _content(path: Path) -> str:
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
