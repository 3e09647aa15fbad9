"""What differs in sentences, those that say the most first; on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator

from vidal.filter.explain.words import counted, number
from vidal.report.diff.difference import Difference, Sets, Told
from vidal.report.diff.fates import Fates
from vidal.report.diff.scores import ScoreChange, Spread
from vidal.report.facts.amounts import hours
from vidal.report.outcomes import KEPT, Outcome

APART = 0.1
"""From where on two distributions are said to be apart."""


def headline(found: Difference) -> list[str]:
    """A few lines on the whole."""
    if found.same:
        return ["No difference: the same samples, with the same members, facts and scores."]
    lines = [*(_sets(found.sets) if found.sets else ()), *(_fates(found.fates) if found.fates else ())]
    if found.sets is None:
        lines.insert(0, "One of the builds has no shards yet: its samples are told apart by what became of them alone.")
    if far := [one.name for one in found.scores if one.apart is not None and one.apart >= APART]:
        more = f" and {len(far) - 5} more" if len(far) > 5 else ""
        lines.append(f"Distributions that are apart: {', '.join(far[:5])}{more}.")
    return lines


def side(told: Told) -> str:
    """One side in a line."""
    parts = [f"{counted(told.found, 'sample')} found"] if told.found is not None else []
    parts += [f"{told.samples:,} in {counted(told.shards, 'shard')}, {hours(told.hours)}"]
    if told.repeated:
        parts.append(f"{counted(told.repeated, 'row')} with a key that stands before, left out")
    return ", ".join(parts)


def outcome(told: Outcome) -> str:
    """What became of a candidate."""
    if told == KEPT:
        return "kept"
    if told.status == "pending":
        return f"pending at {told.step}"
    return f"{told.status} by {told.reason}" if told.status != "failed" else f"failed in {told.step}: {told.reason}"


def spread(told: Spread | None) -> str:
    """The middle of a score, and from where to where most of it lies."""
    if told is None:
        return "no such score"
    if told.median is None:
        return "none has it"
    return f"{number(told.median)} ({number(told.low, 3)} to {number(told.high, 3)})"


def apart(score: ScoreChange) -> str:
    """How far the two distributions of a score are apart."""
    return "–" if score.apart is None else f"{score.apart:.3f}"


def _sets(sets: Sets) -> Iterator[str]:
    yield (
        f"{counted(len(sets.gained), 'sample')} gained, {len(sets.lost):,} lost; of {sets.both:,} in both "
        f"{len(sets.moved):,} moved and {len(sets.changed):,} changed."
    )
    facts = [f"{one.name} of {len(one.samples):,}" for one in sets.facts if len(one.samples)]
    views = [f"{one.change.name} of {len(one.change.changed):,}" for one in sets.texts if len(one.change.changed)]
    if told := [*facts, *views]:
        yield f"Changed: {', '.join(told)}."
    if sets.members.by == "size":
        yield "An index has no checksums: members are compared by size, so one of the same size counts as the same."


def _fates(fates: Fates) -> Iterator[str]:
    came = sum(len(one.samples) for one in fates.gained)
    went = sum(len(one.samples) for one in fates.lost)
    otherwise = sum(len(one.samples) for one in fates.changed)
    yield (
        f"{counted(otherwise, 'candidate')} of {fates.both:,} found by both ended otherwise; {came:,} found by the "
        f"second alone, {went:,} by the first alone."
    )
    left = sum(len(one.samples) for one in fates.changed if one.before == KEPT)
    back = sum(len(one.samples) for one in fates.changed if one.after == KEPT)
    yield f"{left:,} kept by the first build are not kept by the second, {back:,} the other way round."
