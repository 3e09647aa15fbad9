"""What became of the candidates of two builds, one beside the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidal.report.diff.pairing import Samples, pair
from vidal.report.facts.ledger import Ledger
from vidal.report.outcomes import Outcome


@dataclass(frozen=True)
class FateChange:
    """Candidates of both builds that ended in one way, and now end in another."""

    before: Outcome
    after: Outcome
    samples: Samples


@dataclass(frozen=True)
class Found:
    """Candidates that one build alone has found, by what became of them there."""

    outcome: Outcome
    samples: Samples


@dataclass(frozen=True)
class Fates:
    """`both` candidates were found by both builds, of which the `changed` ended otherwise; the most come first."""

    both: int
    changed: tuple[FateChange, ...]
    lost: tuple[Found, ...]
    gained: tuple[Found, ...]


def fates(first: Ledger, second: Ledger) -> Fates:
    """Compare what became of every candidate."""
    pairing = pair(first.ids, second.ids)
    before, after = first.outcome[pairing.left].astype(np.int64), second.outcome[pairing.right]
    found = []
    for code in np.unique(before * len(second.outcomes) + after).tolist():
        old, new = divmod(code, len(second.outcomes))
        if first.outcomes[old] != second.outcomes[new]:
            samples = pairing.samples((before == old) & (after == new))
            found.append(FateChange(first.outcomes[old], second.outcomes[new], samples))
    found.sort(key=lambda one: (-len(one.samples), str(one.before), str(one.after)))
    return Fates(len(pairing), tuple(found), _alone(first, pairing.lost), _alone(second, pairing.gained))


def _alone(ledger: Ledger, alone: Samples) -> tuple[Found, ...]:
    of = ledger.outcome[alone.rows]
    found = [Found(ledger.outcomes[n], Samples(alone.keys, alone.rows[of == n])) for n in np.unique(of).tolist()]
    return tuple(sorted(found, key=lambda one: (-len(one.samples), str(one.outcome))))
