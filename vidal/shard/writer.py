"""The handler of `shard/write`: one shard's tar, then the record that says it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from vidal.engine.commits import Piece, Row, Store
from vidal.engine.pending import Inputs
from vidal.engine.step import Sample
from vidal.engine.tar import TarWriter
from vidal.engine.workspace import Workspace
from vidal.shard import record
from vidal.shard.checksum import HashingStream
from vidal.shard.sample import ShardSample, members, rounded, scores


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
    split: str
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


class ShardWriter:
    """The handler that writes one shard: the tar, then the record that says it is whole."""

    name = "shard/write"

    def __init__(
        self,
        workspace: Workspace,
        kinds: Sequence[ShardSample],
        fingerprints: Mapping[str, str],
        provenance: Mapping[str, Any],
        rows: pa.Schema,
    ) -> None:
        self.workspace = workspace
        self.kinds = kinds
        self.fingerprints = fingerprints
        self.provenance = provenance
        self.rows = rows

    def setup(self) -> None:
        return

    def __call__(self, work: ShardWork) -> int:
        for shard, file in record.files(self.workspace):
            if shard == work.name:
                self.workspace.remove(file)
        rows = []
        with self.workspace.create(f"shards/{work.name}.tar") as stream:
            passing = HashingStream(stream)
            writer = TarWriter(passing)
            for key, kind, columns, content, digests in self._samples(work):
                wanted = work.samples[key]
                made = members(columns, Sample(key, kind, members=content), self.provenance, wanted.flags)
                row = _written(writer, work.name, key, kind, made, digests)
                own = {"split": work.split, "inputs": wanted.digest, "weight": wanted.size}
                rows.append({**row, **_told(columns), **own})
            writer.close()
        table = pa.Table.from_pylist(rows, self.rows)
        record.write(self.workspace, work.name, work.made, table, passing.sha256, passing.size)
        return len(rows)

    def _samples(self, work: ShardWork) -> Iterator[tuple[str, str, dict[str, Any], dict[str, bytes], dict[str, str]]]:
        """The samples of a shard in its order: key, kind, columns by step, member bytes, and the SHA-256 that the step
        which made a member told of it."""
        kind = self._kind(work)
        stores = {read.step: Store(self.workspace, read.step, self.fingerprints[read.step]) for read in kind.reads}
        inputs = Inputs(kind, stores)
        rows: dict[str, list[Row]] = {}
        for sources in work.parts.values():
            rows |= {key: found for key, found in inputs.rows(sources).items() if key in work.samples}
        streams = [
            stores[read.step].members([rows[key][number] for key in work.samples], read)
            for number, read in enumerate(kind.reads)
        ]
        for key, *contents in zip(work.samples, *streams, strict=True):
            columns: dict[str, Any] = {}
            content: dict[str, bytes] = {}
            digests: dict[str, str] = {}
            for read, row, own in zip(kind.reads, rows[key], contents, strict=True):
                columns[read.step] = {name: row[name] for name in read.columns}
                content.update(own)
                digests.update(row.digests)
            yield key, rows[key][0]["kind"], columns, content, digests

    def _kind(self, work: ShardWork) -> ShardSample:
        """What all samples of a shard are."""
        [told] = {sample.kind for sample in work.samples.values()}
        return next(kind for kind in self.kinds if told in kind.kinds)


def _written(
    writer: TarWriter,
    shard: str,
    key: str,
    kind: str,
    content: Sequence[tuple[str, bytes]],
    digests: Mapping[str, str],
) -> dict[str, Any]:
    """Write a sample's members, and return its row of the index as far as they tell it.

    The digest of a member is that which its step told when it was made, so that one damaged since is found out.
    """
    listing = []
    for name, data in content:
        place = writer.add(f"{key}.{name}", data)
        sha256 = digests.get(name) or hashlib.sha256(data).hexdigest()
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


def _told(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of the index that tell of a sample itself. Scores are rounded as in its JSON, so that equal tars have
    an equal index."""
    return {
        "seconds": columns["harvest/media"]["seconds"],
        "source": columns["harvest/candidates"]["source"],
        "licence": columns["harvest/admit"]["licence"],
        "language": columns["harvest/admit"]["language"],
        **{record.SCORE + name: value for name, value in rounded(scores(columns)).items()},
    }
