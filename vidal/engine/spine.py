"""Giving samples their parts: new ids get new parts, known ids stay where they are, lost ids are withdrawn."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from vidal.engine import fingerprint
from vidal.engine.commits import Piece, Store
from vidal.engine.nodes import Spine, Summary
from vidal.engine.step import OK, REJECTED, Result

WITHDRAWN = "withdrawn"


def sync(spine: Spine, store: Store, rows: Iterable[Mapping[str, Any]], part_size: int) -> Summary:
    """Make the committed spine hold exactly `rows` (each with `id`, `kind` and the spine's columns).

    Only differences are written: new ids in new parts of `part_size`, filled in order of a hash of the id;
    changed, lost and returning ids as one more piece of the part they already have. A lost id is `rejected`
    with the rule `withdrawn`, so what was made of it is kept and comes back with it.
    """
    pieces = store.pieces()
    known = {row["id"]: row for row in store.table(["kind", "status", "inputs"]).to_pylist()}
    fresh: list[Result] = []
    changed: dict[int, list[Result]] = defaultdict(list)
    inputs: dict[str, str] = {}
    unchanged = 0
    for row in rows:
        result = Result(row["id"], row["kind"], OK, {name: row.get(name) for name in spine.columns})
        inputs[result.id] = fingerprint.of_inputs({"kind": result.kind, **result.columns}, {})
        before = known.pop(result.id, None)
        if before is None:
            fresh.append(result)
        elif before["inputs"] != inputs[result.id] or before["status"] != OK:
            changed[before["part"]].append(result)
        else:
            unchanged += 1
    for id_, before in known.items():
        if before["status"] == OK:
            inputs[id_] = before["inputs"]
            changed[before["part"]].append(Result(id_, before["kind"], REJECTED, rule=WITHDRAWN))
    for part, results in sorted(changed.items()):
        piece = Piece(part, pieces[part][-1].number + 1, store.fingerprint)
        store.write(piece, results, inputs, spine.columns)
    fresh.sort(key=lambda result: hashlib.sha256(result.id.encode()).digest())
    first = max(pieces, default=-1) + 1
    for offset, start in enumerate(range(0, len(fresh), part_size)):
        piece = Piece(first + offset, 0, store.fingerprint)
        store.write(piece, fresh[start : start + part_size], inputs, spine.columns)
    withdrawn = sum(result.rule == WITHDRAWN for results in changed.values() for result in results)
    updated = sum(len(results) for results in changed.values()) - withdrawn
    return Summary(
        wanted=unchanged + updated + len(fresh),
        already=unchanged,
        done=updated + len(fresh),
        rejected={WITHDRAWN: withdrawn} if withdrawn else {},
    )
