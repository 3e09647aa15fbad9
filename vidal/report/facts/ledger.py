"""Every candidate of a build, and how far each has come: the funnel, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidal.engine.build import Build
from vidal.engine.nodes import Node, Table
from vidal.engine.step import OK, Step
from vidal.filter.tables import VERDICTS as VERDICTS_TABLE
from vidal.report.facts.amounts import Amount, amount
from vidal.report.outcomes import KEPT, Outcome

CANDIDATES, MEDIA, VERDICTS, SHARDS = "harvest/candidates", "harvest/media", "filter/verdicts", "shard/write"
INDEX = "shards/index.parquet"
DROPPED, PENDING = "dropped", "pending"
SILENT = -1
"""What stands for a candidate of which a step has said nothing that holds."""


@dataclass(frozen=True)
class Loss:
    """Samples that left at a step: `status` is rejected, dropped or failed, `reason` the rule or the class of error."""

    status: str
    reason: str
    amount: Amount


@dataclass(frozen=True)
class Passage:
    """One step of the funnel: what came to it, what went on, what left, and what it has not yet said anything of."""

    step: str
    entered: Amount
    passed: Amount
    pending: Amount
    losses: tuple[Loss, ...]


@dataclass(frozen=True)
class Ledger:
    """The candidates of a build, n rows: ids [n], kinds [n], seconds [n] (NaN where unknown), which have not left [n],
    and what became of each: the number [n] of one of `outcomes`."""

    ids: pa.Array
    kind: np.ndarray
    seconds: np.ndarray
    standing: np.ndarray
    outcomes: tuple[Outcome, ...]
    outcome: np.ndarray
    passages: tuple[Passage, ...]

    def amount(self, mask: np.ndarray) -> Amount:
        return amount(self.kind, self.seconds, mask)

    def column(self, build: Build, step: str, name: str) -> list[Any]:
        """A column of a step's committed rows, a value per candidate, None where there is none."""
        table = build.store(step).table([name])
        return table[name].take(_places(self.ids, table["id"])).to_pylist()

    def fates(self) -> dict[str, Outcome]:
        """What became of each candidate, by its id."""
        return {id_: self.outcomes[number] for id_, number in zip(self.ids.to_pylist(), self.outcome, strict=True)}


def follow(build: Build) -> Ledger:
    """Follow every candidate through the steps that may take it out, as far as the build has come.

    What the rows of a step say counts where they are of its present settings and inputs; other samples are pending
    there. A score that failed takes no sample out: what becomes of it is the verdict's to say.
    """
    found = build.store(CANDIDATES).table(["status", "kind", "seconds"])
    found = found.filter(pc.equal(found["status"], OK))
    ids = found["id"].cast(pa.string()).combine_chunks()
    kind = found["kind"].to_numpy(zero_copy_only=False)
    seconds = _measured(build, ids, found["seconds"].cast(pa.float64()).to_numpy())
    gone, waiting = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    outcomes, outcome = [KEPT], np.zeros(len(ids), np.int32)
    passages = []
    for node in build.nodes:
        if not _gates(node):
            continue
        said, told = _said(build, node, ids)
        here = ~(gone | waiting)
        if isinstance(node, Step):
            here &= np.isin(kind, sorted(node.kinds))
        passages.append(_passage(node.name, kind, seconds, here, said, told))
        for number, (status, reason) in [*enumerate(told), (SILENT, (PENDING, ""))]:
            mask = here & (said == number)
            if status == OK or not mask.any():
                continue
            outcome[mask] = len(outcomes)
            outcomes.append(Outcome(status, node.name, reason))
            (waiting if status == PENDING else gone)[mask] = True
    return Ledger(ids, kind, seconds, ~gone, tuple(outcomes), outcome, tuple(passages))


def _measured(build: Build, ids: pa.Array, stated: np.ndarray) -> np.ndarray:
    """Lengths [n]: as the source states them, and of what was fetched as measured."""
    if not any(node.name == MEDIA for node in build.nodes):
        return stated
    media = build.store(MEDIA).table(["status", "seconds"])
    media = media.filter(pc.equal(media["status"], OK))
    places = _places(ids, media["id"])
    measured = media["seconds"].cast(pa.float64()).take(places).to_numpy()
    return np.where(places.is_valid(), measured, stated)


def _gates(node: Node) -> bool:
    """Whether a sample can leave the build at a node."""
    if isinstance(node, Table):
        return node.name in (VERDICTS, SHARDS)
    return node.stage != "filter" and node.name != "harvest/search"


def _passage(
    name: str, kind: np.ndarray, seconds: np.ndarray, here: np.ndarray, said: np.ndarray, told: list[tuple[str, str]]
) -> Passage:
    amounts = [amount(kind, seconds, here & (said == number)) for number in range(len(told))]
    losses = [Loss(*one, found) for one, found in zip(told, amounts, strict=True) if one[0] != OK and found.samples]
    losses.sort(key=lambda loss: (-loss.amount.samples, loss.status, loss.reason))
    passed = here & np.isin(said, [number for number, one in enumerate(told) if one[0] == OK])
    silent = amount(kind, seconds, here & (said == SILENT))
    return Passage(name, amount(kind, seconds, here), amount(kind, seconds, passed), silent, tuple(losses))


def _said(build: Build, node: Node, ids: pa.Array) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """What a node says of each candidate: the number [n] of a status and reason, SILENT where it has said nothing that
    holds; and these."""
    rows = _rows(build, node)
    pairs = pc.binary_join_element_wise(rows["status"], rows["reason"], "\0").combine_chunks().dictionary_encode()
    told = [tuple(pair.split("\0")) for pair in pairs.dictionary.to_pylist()]
    numbers = pairs.indices.take(_places(ids, rows["id"]))
    return pc.fill_null(numbers, SILENT).to_numpy(zero_copy_only=False), told


def _rows(build: Build, node: Node) -> pa.Table:
    """The rows of a node that hold: id, status and reason, all of them texts."""
    workspace = build.workspace
    if node.name == SHARDS:
        keys = workspace.read_table(INDEX, ["key"])["key"] if workspace.exists(INDEX) else pa.chunked_array([[]])
        return _table(keys, pa.repeat(OK, len(keys)), pa.repeat("", len(keys)))
    if node.name == VERDICTS:
        if not (build.has_run(VERDICTS) and workspace.exists(VERDICTS_TABLE)):
            return _table([], [], [])
        verdicts = workspace.read_table(VERDICTS_TABLE, ["id", "kept", "rule"])
        kept, rule = verdicts["kept"], verdicts["rule"].cast(pa.string())
        return _table(verdicts["id"], pc.if_else(kept, OK, DROPPED), pc.if_else(kept, "", rule))
    if not all(build.has_run(name) for name in build.inputs_of(node)):
        return _table([], [], [])
    table = build.store(node.name).table(["status", "rule", "error_class"])
    pending = pa.array(build.outlook(node).pending, pa.string())
    table = table.filter(pc.invert(pc.is_in(table["id"], pending)))
    return _table(table["id"], table["status"], pc.coalesce(table["rule"], table["error_class"], ""))


def _table(id_: Any, status: Any, reason: Any) -> pa.Table:
    schema = pa.schema([("id", pa.string()), ("status", pa.string()), ("reason", pa.string())])
    return pa.table([id_, status, reason], names=schema.names).cast(schema)


def _places(ids: pa.Array, among: pa.ChunkedArray) -> pa.Array:
    """Where each id stands among others, null where it does not."""
    return pc.index_in(ids, among.cast(pa.string()).combine_chunks())
