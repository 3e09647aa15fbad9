"""`shard/write`: the kept samples as WebDataset tars, an index, statistics and a dataset card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from vidal.engine import fingerprint, forgotten, settled
from vidal.engine.commits import Piece
from vidal.engine.nodes import Context, Summary, Table, Verdicts, state
from vidal.engine.ordering import place
from vidal.engine.pending import Inputs
from vidal.engine.step import Resources, Step
from vidal.shard import record, written
from vidal.shard.config import ShardConfig
from vidal.shard.plan import plan
from vidal.shard.publish import publish
from vidal.shard.sample import ShardSample, score_types
from vidal.shard.split import INFIXES as SPLIT_INFIXES
from vidal.shard.split import split_of
from vidal.shard.writer import ShardWork, ShardWriter, Wanted

INFIXES = {"video": "", "audio": "audio-"}
"""What stands between the prefix and the split in the names of a kind's shards."""


class WriteShards(Table):
    """Writes the shards that differ from what is there, removes those no longer planned, publishes the index."""

    name = "shard/write"
    version = 3

    def __init__(self, config: ShardConfig, verdicts: Verdicts, producers: Sequence[Step], seed: int) -> None:
        self.config = config
        self.verdicts = verdicts
        self.seed = seed
        self.kinds = tuple(ShardSample(kind, producers) for kind in INFIXES)
        self.rows = record.schema(score_types(producers))
        self.reads = (verdicts.name, *dict.fromkeys(read.step for kind in self.kinds for read in kind.reads))
        self.provenance = {step.name: _provenance(step) for step in producers}

    def settings(self) -> Mapping[str, Any]:
        return {**self.config.model_dump(mode="json"), "seed": self.seed, "provenance": self.provenance}

    def run(self, context: Context) -> Summary:
        workspace = context.workspace
        gone = forgotten.read(workspace)
        kept, flagged = self.verdicts.kept(workspace), self.verdicts.flagged(workspace)
        decides = [
            state(context, self),
            settled.of_kept(kept),
            fingerprint.of_lines("\0".join([id_, *rules]) for id_, rules in sorted(flagged.items())),
            fingerprint.of_lines(sorted(gone.names)),
        ]
        if standing := written.standing(workspace, decides):
            return Summary(standing, standing, 0)
        pieces = {name: context.store(name).pieces() for name in self.reads if name != self.verdicts.name}
        wanted = self._wanted(context, pieces, kept, flagged, gone)
        planned = sorted(self._planned(wanted, gone))
        works = [self._work(name, split, keys, wanted, pieces) for name, split, keys in planned]
        shards = {work.name: work.record for work in works}
        pending = [work for work in works if not record.stands(workspace, work.name, shards[work.name])]
        handler = ShardWriter(workspace, self.kinds, dict(context.fingerprints), self.provenance, self.rows)
        for _ in context.runner.run(handler, pending, Resources(cpus=1)):
            continue
        notes = publish(workspace, self.config.prefix, list(shards.items()))
        written.note(workspace, decides, len(wanted), shards)
        done = sum(len(work) for work in pending)
        return Summary(len(wanted), len(wanted) - done, done, notes=notes)

    def _wanted(
        self,
        context: Context,
        pieces: Mapping[str, Mapping[int, list[Piece]]],
        kept: Mapping[int, frozenset[str]],
        flagged: Mapping[str, tuple[str, ...]],
        gone: forgotten.Forgotten,
    ) -> dict[str, Wanted]:
        """Every kept sample that is ok in all steps its kind needs, and not forgotten."""
        stores = {name: context.store(name) for name in pieces}
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
    ) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """The name, the split and the keys of every shard. Each holds one kind, so that a loader meets the members it
        asks for, and one split. One of which all was forgotten is not written, since loaders fail at an empty tar; its
        number stays unused."""
        share = self.config.validation
        for kind, split in product(INFIXES, SPLIT_INFIXES):
            keys = (key for key, sample in wanted.items() if sample.kind == kind)
            sizes = {key: wanted[key].size for key in keys if split_of(place(key), share) == split}
            held = {at: size for at, size in gone.places(kind).items() if split_of(at, share) == split}
            for number, planned in enumerate(plan(sizes, self.config, self.seed, held)):
                if planned:
                    yield f"{self.config.prefix}-{INFIXES[kind]}{SPLIT_INFIXES[split]}{number:06d}", split, planned

    def _work(
        self,
        name: str,
        split: str,
        keys: tuple[str, ...],
        wanted: Mapping[str, Wanted],
        pieces: Mapping[str, Mapping[int, list[Piece]]],
    ) -> ShardWork:
        made = {"version": self.version, "provenance": self.provenance}
        parts = sorted({wanted[key].part for key in keys})
        sources = {part: {name: tuple(found.get(part, ())) for name, found in pieces.items()} for part in parts}
        return ShardWork(name, split, made, {key: wanted[key] for key in keys}, sources)


def _marked(digest: str, flags: Sequence[str]) -> str:
    """The hash of what a sample gives its shard, the rules that marked it among that."""
    return fingerprint.digest({"inputs": digest, "flags": flags}, length=16) if flags else digest


def _provenance(step: Step) -> dict[str, Any]:
    """What made a step's fields: the version of its code, its checkpoint, or its model with the host that was asked and
    the prompt that asked it, and a hash of the rest."""
    settings = step.settings()
    told = ("checkpoint", "identity", "model", "prompt_sha256")
    named = {name: settings[name] for name in told if name in settings}
    host = {"host": urlsplit(settings["url"]).netloc} if "url" in settings else {}
    return {"version": step.version, **named, **host, "settings": fingerprint.digest(settings)}
