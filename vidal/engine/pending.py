"""What is left to do: wanted samples minus those committed under the current fingerprint with the same inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vidal.engine import fingerprint
from vidal.engine.commits import Piece, Row, Store
from vidal.engine.step import FAILED, OK, REJECTED, Read, Step

READERS = 8


@dataclass(frozen=True)
class PartWork:
    """What one worker is asked to do: process these samples of a part and commit them as piece `number`.

    `attempts` counts earlier failed attempts of a sample; only retried samples appear in it. `sources` names the
    pieces of this part in every step read.
    """

    part: int
    number: int
    ids: tuple[str, ...]
    attempts: Mapping[str, int]
    sources: Mapping[str, Sequence[Piece]]

    @property
    def label(self) -> str:
        return f"{self.part:06d}"

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class PartState:
    """One part as a step finds it. `done` counts wanted samples already committed, whatever their status."""

    part: int
    wanted: int
    done: int
    failed: int
    work: PartWork | None


class Inputs:
    """The committed rows a step reads, joined by sample id, one part at a time."""

    def __init__(self, step: Step, stores: Mapping[str, Store]) -> None:
        self.step = step
        self.stores = stores

    def rows(self, sources: Mapping[str, Sequence[Piece]]) -> dict[str, list[Row]]:
        """Samples of the step's kinds that are `ok` in every step read that is not optional, with their row in each, in
        order of reads.

        `sources` gives the pieces of one part in every step read.
        """
        tables = []
        for read in self.step.reads:
            columns = ["kind", "status", "members", *read.columns, *read.hints]
            tables.append(self.stores[read.step].rows(sources[read.step], columns))
        joined = {}
        for id_, first in tables[0].items():
            found = [_row(read, table.get(id_)) for read, table in zip(self.step.reads, tables, strict=True)]
            if first["kind"] in self.step.kinds and None not in found:
                joined[id_] = found
        return joined

    def digest(self, rows: Sequence[Row]) -> str:
        """The hash of the columns and members the step reads of one sample."""
        columns, members = {}, {}
        for read, row in zip(self.step.reads, rows, strict=True):
            columns.update({f"{read.step}.{name}": row[name] for name in read.columns})
            members.update({f"{read.step}.{n}": sha for n, sha in row.digests.items() if read.wants(n)})
        return fingerprint.of_inputs(columns, members)

    def stamp(self, rows: Sequence[Row], status: str) -> str:
        """What a result of this status follows from: the digest, and for a rejection the step's policy and hints."""
        digest = self.digest(rows)
        if status != REJECTED:
            return digest
        reads = zip(self.step.reads, rows, strict=True)
        hints = {f"{read.step}.{name}": row[name] for read, row in reads for name in read.hints}
        return fingerprint.of_rejection(digest, self._policy, hints)

    @cached_property
    def _policy(self) -> Any:
        return self.step.policy()


def _row(read: Read, row: Row | None) -> Row | None:
    """The row of a sample as a read takes it: None where it cannot be taken."""
    if row is not None and row["status"] == OK:
        return row
    return Row(None, dict.fromkeys((*read.columns, *read.hints, "members"))) if read.optional else None


def part_state(
    step: Step,
    store: Store,
    inputs: Inputs,
    sources: Mapping[str, Sequence[Piece]],
    own: Sequence[Piece],
    part: int,
    kept: Collection[str] | None,
    retry: Collection[str] | None,
) -> PartState:
    """What of one part is wanted, done and pending.

    `kept` holds the samples the verdicts keep (None: all). `retry` names the error classes to make pending again
    (None: none; empty: every class).
    """
    wanted = {id_: rows for id_, rows in inputs.rows(sources).items() if kept is None or id_ in kept}
    committed = store.rows(own, ["status", "error_class", "attempts", "inputs"]) if own else {}
    pending, attempts, failed = [], {}, 0
    for id_, rows in wanted.items():
        row = committed.get(id_)
        if row is None or row["inputs"] != inputs.stamp(rows, row["status"]):
            pending.append(id_)
        elif row["status"] == FAILED:
            failed += 1
            if retry is not None and (not retry or row["error_class"] in retry):
                pending.append(id_)
                attempts[id_] = row["attempts"]
    number = own[-1].number + 1 if own else 0
    work = PartWork(part, number, tuple(sorted(pending)), attempts, sources) if pending else None
    return PartState(part, len(wanted), len(wanted) - len(pending), failed - len(attempts), work)


def states(
    step: Step,
    store: Store,
    stores: Mapping[str, Store],
    kept: Mapping[int, Collection[str]] | None,
    retry: Collection[str] | None,
) -> Iterator[PartState]:
    """The state of every part of the spine, in order; parts are read several at a time, and lazily."""
    pieces = {read.step: stores[read.step].pieces() for read in step.reads}
    inputs = Inputs(step, stores)
    own = store.pieces()
    parts: Iterable[int] = sorted(pieces[step.spine])

    def state(part: int) -> PartState:
        allowed = None if kept is None else kept.get(part, frozenset())
        sources = {name: tuple(found.get(part, ())) for name, found in pieces.items()}
        return part_state(step, store, inputs, sources, own.get(part, []), part, allowed, retry)

    with ThreadPoolExecutor(READERS) as pool:
        yield from pool.map(state, parts)
