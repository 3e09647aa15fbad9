"""What may become of a candidate: kept, waiting, or where it left the build and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """`status` is kept, rejected (by a rule on texts), dropped (by a verdict), failed, or pending where a step has yet
    to say what becomes of the sample; `step` and `reason` (the rule or the error class) say where and why, and are
    empty for a kept sample."""

    status: str
    step: str = ""
    reason: str = ""


KEPT = Outcome("kept")


def funnel(outcomes: Mapping[str, Outcome]) -> list[tuple[Outcome, int]]:
    """How many samples had each outcome: kept first, then by the name of the step, the most common of a step first."""
    counts = Counter(outcomes.values())

    def place(item: tuple[Outcome, int]) -> tuple:
        outcome, count = item
        return outcome != KEPT, outcome.step, -count, outcome.reason, outcome.status

    return sorted(counts.items(), key=place)
