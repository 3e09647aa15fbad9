"""`shard/write`: the kept samples as WebDataset tars, an index, statistics and a dataset card."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vidal.engine import fingerprint, forgotten
from vidal.engine.commits import Piece, Row, Store
from vidal.engine.nodes import Context, Summary, Table, Verdicts
from vidal.engine.pending import Inputs
from vidal.engine.step import Resources, Sample, Step
from vidal.engine.tar import TarWriter
from vidal.engine.workspace import Workspace
from vidal.shard import record
from vidal.shard.config import ShardConfig
from vidal.shard.plan import plan
from vidal.shard.publish import publish
from vidal.shard.sample import ShardSample, members

INFIXES = {"video": "", "audio": "audio-"}
"""What stands between the prefix and the number in the names of a kind's shards."""


@dataclass(frozen=True)
class Wanted:
    """A sample that goes into a shard: where its rows are, a hash of all its inputs, the bytes of its members, and the
    rules that marked it."""

    part: int
    kind: str
    digest: str
    size: int
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShardWork:
    """One shard to write: its samples by key, in order, and how it is `made` of them (`record.digest`). `parts` maps
    the parts they lie in to the pieces of every step read."""

    name: str
    made: Mapping[str, Any]
    samples: Mapping[str, Wanted]
    parts: Mapping[int, Mapping[str, Sequence[Piece]]]

    @property
    def label(self) -> str:
        return self.name

    @property
    def record(self) -> str:
        content = ((key, sample.digest) for key, sample in self.samples.items())
        return record.path(self.name, record.digest(self.made, content))

    def __len__(self) -> int:
        return len(self.samples)


class WriteShards(Table):
    """Writes the shards that differ from what is there, removes those no longer planned, publishes the index."""

    name = "shard/write"
    version = 2

    def __init__(self, config: ShardConfig, verdicts: Verdicts, producers: Sequence[Step], seed: int) -> None:
        self.config = config
        self.verdicts = verdicts
        self.seed = seed
        self.kinds = tuple(ShardSample(kind, producers) for kind in INFIXES)
        self.reads = (verdicts.name, *dict.fromkeys(read.step for kind in self.kinds for read in kind.reads))
        self.provenance = {step.name: _provenance(step) for step in producers}

    def settings(self) -> Mapping[str, Any]:
        return {**self.config.model_dump(mode="json"), "seed": self.seed, "provenance": self.provenance}

    def run(self, context: Context) -> Summary:
        pieces = {name: context.store(name).pieces() for name in self.reads if name != self.verdicts.name}
        gone = forgotten.read(context.workspace)
        wanted = self._wanted(context, pieces, gone)
        works = [self._work(name, keys, wanted, pieces) for name, keys in self._planned(wanted, gone)]
        pending = [work for work in works if not record.stands(context.workspace, work.name, work.record)]
        handler = ShardWriter(context.workspace, self.kinds, dict(context.fingerprints), self.provenance)
        for _ in context.runner.run(handler, pending, Resources(cpus=1)):
            continue
        notes = publish(context.workspace, self.config.prefix, [(work.name, work.record) for work in works])
        done = sum(len(work) for work in pending)
        return Summary(len(wanted), len(wanted) - done, done, notes=notes)

    def _wanted(
        self, context: Context, pieces: Mapping[str, Mapping[int, list[Piece]]], gone: forgotten.Forgotten
    ) -> dict[str, Wanted]:
        """Every kept sample that is ok in all steps its kind needs, and not forgotten."""
        stores = {name: context.store(name) for name in pieces}
        kept = self.verdicts.kept(context.workspace)
        flagged = self.verdicts.flagged(context.workspace)
        found: dict[str, Wanted] = {}
        for kind in self.kinds:
            inputs = Inputs(kind, stores)
            for part, ids in kept.items():
                sources = {read.step: pieces[read.step].get(part, []) for read in kind.reads}
                for id_, rows in inputs.rows(sources).items():
                    if id_ in ids and id_ not in gone:
                        size = sum(m["size"] for row in rows for m in row["members"] or ())
                        flags = flagged.get(id_, ())
                        digest = _marked(inputs.digest(rows), flags)
                        found[id_] = Wanted(part, rows[0]["kind"], digest, size, flags)
        return found

    def _planned(
        self, wanted: Mapping[str, Wanted], gone: forgotten.Forgotten
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The name and the keys of every shard. Each holds one kind, so that a loader meets the members it asks for.
        One of which all was forgotten is not written, since loaders fail at an empty tar; its number stays unused."""
        for kind, infix in INFIXES.items():
            sizes = {key: sample.size for key, sample in wanted.items() if sample.kind == kind}
            for number, keys in enumerate(plan(sizes, self.config, self.seed, gone.places(kind))):
                if keys:
                    yield f"{self.config.prefix}-{infix}{number:06d}", keys

    def _work(
        self,
        name: str,
        keys: tuple[str, ...],
        wanted: Mapping[str, Wanted],
        pieces: Mapping[str, Mapping[int, list[Piece]]],
    ) -> ShardWork:
        made = {"version": self.version, "provenance": self.provenance}
        parts = sorted({wanted[key].part for key in keys})
        sources = {part: {name: tuple(found.get(part, ())) for name, found in pieces.items()} for part in parts}
        return ShardWork(name, made, {key: wanted[key] for key in keys}, sources)


class ShardWriter:
    """The handler that writes one shard: the tar, then the record that says it is whole."""

    name = "shard/write"

    def __init__(
        self,
        workspace: Workspace,
        kinds: Sequence[ShardSample],
        fingerprints: Mapping[str, str],
        provenance: Mapping[str, Any],
    ) -> None:
        self.workspace = workspace
        self.kinds = kinds
        self.fingerprints = fingerprints
        self.provenance = provenance

    def setup(self) -> None:
        return

    def __call__(self, work: ShardWork) -> int:
        for shard, file in record.files(self.workspace):
            if shard == work.name:
                self.workspace.remove(file)
        rows, checksum = [], hashlib.sha256()
        with self.workspace.create(f"shards/{work.name}.tar") as stream:
            writer = TarWriter(_Tee(stream, checksum))
            for key, kind, columns, content in self._samples(work):
                wanted = work.samples[key]
                made = members(columns, Sample(key, kind, members=content), self.provenance, wanted.flags)
                row = _written(writer, work.name, key, kind, made)
                facts = {"seconds": columns["harvest/media"]["seconds"], "inputs": wanted.digest, "weight": wanted.size}
                rows.append({**row, **facts})
            size = writer.close()
        record.write(self.workspace, work.name, work.made, rows, checksum.hexdigest(), size)
        return len(rows)

    def _samples(self, work: ShardWork) -> Iterator[tuple[str, str, dict[str, Any], dict[str, bytes]]]:
        """The samples of a shard in its order, each with its columns by step and its member bytes."""
        rows: dict[str, tuple[ShardSample, list[Row]]] = {}
        stores = {name: Store(self.workspace, name, self.fingerprints[name]) for name in self._steps()}
        by_part: dict[int, set[str]] = defaultdict(set)
        for key, sample in work.samples.items():
            by_part[sample.part].add(key)
        for kind in self.kinds:
            for part, keys in by_part.items():
                for key, found in Inputs(kind, stores).rows(work.parts[part]).items():
                    if key in keys:
                        rows[key] = (kind, found)
        for key in work.samples:
            kind, found = rows[key]
            columns: dict[str, Any] = {}
            content: dict[str, bytes] = {}
            for read, row in zip(kind.reads, found, strict=True):
                columns[read.step] = {name: row[name] for name in read.columns}
                content.update(next(stores[read.step].members([row], read)))
            yield key, found[0]["kind"], columns, content

    def _steps(self) -> list[str]:
        return list(dict.fromkeys(read.step for kind in self.kinds for read in kind.reads))


def _written(
    writer: TarWriter, shard: str, key: str, kind: str, content: Sequence[tuple[str, bytes]]
) -> dict[str, Any]:
    """Write a sample's members, and return its row of the index as far as they tell it."""
    listing = []
    for name, data in content:
        place = writer.add(f"{key}.{name}", data)
        sha256 = hashlib.sha256(data).hexdigest()
        listing.append((place, {"name": name, "offset": place.offset, "size": place.size, "sha256": sha256}))
    first, last = listing[0][0], listing[-1][0]
    return {
        "key": key,
        "kind": kind,
        "shard": f"{shard}.tar",
        "offset": first.header,
        "size": last.offset + last.size - first.header,
        "text": dict(content)["txt"].decode(),
        "members": [entry for _, entry in listing],
    }


def _marked(digest: str, flags: Sequence[str]) -> str:
    """The hash of what a sample gives its shard, the rules that marked it among that."""
    return fingerprint.digest({"inputs": digest, "flags": flags}, length=16) if flags else digest


class _Tee:
    """A stream that hashes what passes."""

    def __init__(self, stream: Any, checksum: Any) -> None:
        self._stream, self._checksum = stream, checksum

    def write(self, content: bytes) -> None:
        self._checksum.update(content)
        self._stream.write(content)


def _provenance(step: Step) -> dict[str, Any]:
    """What made a step's fields: the version of its code, its checkpoint, or its model with the host that was asked and
    the prompt that asked it, and a hash of the rest."""
    settings = step.settings()
    told = ("checkpoint", "identity", "model", "prompt_sha256")
    named = {name: settings[name] for name in told if name in settings}
    host = {"host": urlsplit(settings["url"]).netloc} if "url" in settings else {}
    return {"version": step.version, **named, **host, "settings": fingerprint.digest(settings)}
