"""Steps of which nothing was left to do: while all that decides this is the same, no row need be read to know it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vidal.engine import fingerprint
from vidal.engine.commits import Store
from vidal.engine.step import Step


def state(step: Step, store: Store, stores: Mapping[str, Store], kept: Mapping[int, Collection[str]] | None) -> str:
    """A hash of all that decides what of a step is pending, but for a wish to retry: its fingerprint, reads and policy,
    the pieces it reads and wrote, and the samples that the verdicts keep (None: all)."""
    reads = [[read.step, read.columns, read.members, read.hints, read.optional] for read in step.reads]
    pieces = {read.step: stores[read.step].stems() for read in step.reads}
    decides = {
        "step": store.fingerprint,
        "kinds": sorted(step.kinds),
        "reads": reads,
        "policy": step.policy(),
        "pieces": pieces,
        "own": store.stems(),
        "kept": None if kept is None else of_kept(kept),
    }
    return fingerprint.digest(decides, length=16)


def of_kept(kept: Mapping[int, Collection[str]]) -> str:
    """A hash of the samples that verdicts keep, by part."""
    return fingerprint.of_lines("\0".join([str(part), *sorted(kept[part])]) for part in sorted(kept))
