"""How numbers, thresholds and fates are put into words, on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from vidal.filter.config import RuleConfig
from vidal.filter.explain.counts import Count
from vidal.filter.explain.explanation import Axis, Changes, Explanation, Threshold

LEGEND = {
    "alone": "samples the rule holds for: what it decides as the only rule, or as the first",
    "in order": "what it decides in its place, after the rules before it",
    "only it": "what would end otherwise without it: of a rule that drops, what would come back",
    "cannot tell": "samples of which the condition is neither true nor false, since a score is null; and what "
    "`missing` makes of them",
}
"""The columns of the counts."""


def number(value: float | None, figures: int = 4) -> str:
    return "–" if value is None else f"{value:.{figures}g}"


def share(part: int, whole: int) -> str:
    """As a percentage; empty of nothing."""
    if 0 < part < 0.001 * whole:
        return "<0.1%"
    return f"{part / whole:.1%}" if whole else ""


def counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def sums(explanation: Explanation) -> str:
    """What becomes of the samples, in one line."""
    fates = explanation.counts.fates.values()
    total, kept, dropped, flagged = (
        sum(getattr(one, name) for one in fates) for name in ("samples", "kept", "dropped", "flagged")
    )
    told = f"{counted(total, 'sample')}: {kept:,} kept ({share(kept, total) or '–'}), {dropped:,} dropped"
    return f"{told}, {flagged:,} flagged" if flagged else told


def kinds_of(explanation: Explanation) -> str:
    """The same by kind."""
    return "; ".join(
        f"{kind}: {one.kept:,} of {one.samples:,} kept ({share(one.kept, one.samples)})"
        for kind, one in explanation.counts.fates.items()
    )


def change(changes: Changes | None) -> str:
    """Against the last build."""
    if changes is None:
        return "no verdicts were given on these samples yet"
    if not (changes.newly_kept or changes.newly_dropped):
        return "the verdicts of the last build are the same"
    told = f"{changes.newly_kept:,} more kept, {changes.newly_dropped:,} more dropped"
    return f"against the verdicts of the last build: {told}"


def untold(count: Count, rule: RuleConfig) -> str:
    """Of how many samples a condition cannot be told, and what becomes of these."""
    if not count.untold:
        return "0"
    return f"{count.untold:,} {'dropped' if rule.missing == 'drop' else 'passed'}"


def threshold(axis: Axis, one: Threshold) -> str:
    """What is compared with what; of a quantile the score at it as well."""
    comparison = one.comparison
    if not comparison.quantile:
        return f"{axis.name} {comparison.operator} {number(comparison.bound)}"
    return (
        f"share_below({axis.name}) {comparison.operator} {number(comparison.bound)}: "
        f"{axis.name} {number(one.value)} for {'/'.join(axis.kinds)}"
    )


def side_names(one: Threshold) -> tuple[str, str]:
    """What the lower and the upper side of a threshold are called."""
    return ("at or below", "above") if one.comparison.includes else ("below", "at or above")


def sides(one: Threshold) -> str:
    below, above = side_names(one)
    return f"{one.below:,} {below}, {one.above:,} {above}"


def asides(axis: Axis) -> Sequence[str]:
    """What the histogram leaves out."""
    bins = axis.histogram
    told = [
        (axis.nulls, "without a score"),
        (axis.aside, "decided by the rest of the condition"),
        (bins.infinite, "infinite"),
        (bins.beneath, "further below"),
        (bins.beyond, "further above"),
    ]
    return [f"{count:,} {words}" for count, words in told if count]


def own(rule: RuleConfig) -> str:
    """The first category of a rule's histogram."""
    return {"drop": "dropped by this rule", "keep": "kept by this rule", "flag": "flagged by this rule"}[rule.action]
