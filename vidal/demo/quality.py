"""How well the rules of a pipeline file find the flaws that were planted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidal.demo.flaws import EMBEDDINGS, TITLES, Flawed, write_test_set
from vidal.engine.build import Options
from vidal.engine.progress import Lines
from vidal.project import open_project, run
from vidal.report.facts.ledger import follow
from vidal.report.outcomes import KEPT, Outcome
from vidal.resources import shipped_root

GOAL = 0.95
"""Least recall of a flaw, precision of a rule, and share of good clips kept."""
CHECKPOINT, SAME = "demo:clip", 0.995
"""The CLIP of the pipeline file, and the least cosine at which it sees a clip of the test set."""


@dataclass(frozen=True)
class Line:
    """What became of the clips of one flaw. `found` are those that its rule dropped, or that were kept where they must
    be; `right` is how many of all that the rule dropped it should have dropped, of `dropped`; `others` are the fates of
    the rest."""

    flaw: str
    kind: str
    rule: str | None
    clips: int
    found: int
    right: int
    dropped: int
    others: tuple[str, ...]

    @property
    def recall(self) -> float:
        return self.found / self.clips

    @property
    def precision(self) -> float | None:
        return self.right / self.dropped if self.dropped else None


def measure(entries: Sequence[Flawed], found: Mapping[str, Outcome]) -> list[Line]:
    """A line per flaw, in the order of the entries. `found` is by the name of the file."""
    fates = {entry.name: found.get(entry.file, Outcome("not found")) for entry in entries}
    groups: dict[str, list[Flawed]] = {}
    for entry in entries:
        if entry.group:
            groups.setdefault(entry.group, []).append(entry)
    wanted = {name: {entry.name for entry in entries if _may_drop(entry, name, groups)} for name in _rules(entries)}
    lines = []
    for flaw in dict.fromkeys(entry.flaw for entry in entries):
        own = [entry for entry in entries if entry.flaw == flaw]
        missed = [entry for entry in own if not _met(entry, fates, groups)]
        rule = own[0].rule
        dropped = {name for name, fate in fates.items() if rule and fate.reason == rule}
        others = Counter(f"{fates[e.name].status} {fates[e.name].reason}".strip() for e in missed)
        right = len(dropped & wanted.get(rule or "", set()))
        told = tuple(f"{count} {fate}" for fate, count in sorted(others.items()))
        lines.append(Line(flaw, own[0].kind, rule, len(own), len(own) - len(missed), right, len(dropped), told))
    return lines


def _rules(entries: Sequence[Flawed]) -> set[str]:
    return {entry.rule for entry in entries if entry.rule}


def _may_drop(entry: Flawed, rule: str, groups: Mapping[str, Sequence[Flawed]]) -> bool:
    """Whether a rule is right to drop an entry: it is the entry's own, or that of one that shows the same."""
    return any(other.rule == rule for other in (groups[entry.group] if entry.group else [entry]))


def _met(entry: Flawed, fates: Mapping[str, Outcome], groups: Mapping[str, Sequence[Flawed]]) -> bool:
    """Whether an entry had the fate it must have: of those that show the same, all but one go."""
    fate = fates[entry.name]
    if entry.group is None:
        return fate == KEPT if entry.rule is None else fate.reason == entry.rule
    alike = groups[entry.group]
    rule = next(other.rule for other in alike if other.rule)
    gone = sum(fates[other.name].reason == rule for other in alike)
    kept = sum(fates[other.name] == KEPT for other in alike)
    return (gone, kept) == (len(alike) - 1, 1)


def good_kept(entries: Sequence[Flawed], found: Mapping[str, Outcome]) -> float:
    """The share of the clips that must be kept which were; of those that show the same, one must be."""
    kept = {entry.name for entry in entries if found.get(entry.file) == KEPT}
    alone = [entry.name in kept for entry in entries if entry.rule is None and entry.group is None]
    alike = [
        any(entry.name in kept for entry in entries if entry.group == group)
        for group in dict.fromkeys(entry.group for entry in entries if entry.group)
    ]
    return sum([*alone, *alike]) / len([*alone, *alike])


def missed(lines: Sequence[Line]) -> list[Line]:
    """The lines of flaws of which too few are found, or whose rule drops too much else."""
    return [line for line in lines if line.rule and min(line.recall, line.precision or 0) < GOAL]


def table(lines: Sequence[Line]) -> list[str]:
    """A head and a row per line, to print."""
    rows = [f"{'flaw':<17} {'rule':<15} {'clips':>5} {'recall':>7} {'precision':>10}  other fates"]
    for line in lines:
        precision = "" if line.precision is None else f"{line.precision:.3f}"
        what = f"{line.flaw:<17} {line.rule or '(kept)':<15} {line.clips:>5} {line.recall:>7.3f} {precision:>10}"
        rows.append(f"{what}  {', '.join(line.others)}".rstrip())
    return rows


def judged(folder: Path, entries: Sequence[Flawed]) -> dict[str, Outcome]:
    """What `pipelines/demo-quality.yaml` makes of the files in `folder/clips`, by name of the file, with their test set
    to check against; the workspace is `folder/workspace`."""
    path = shipped_root() / "pipelines" / "demo-quality.yaml"
    against = {
        "name": "demo-test",
        "titles": str(folder / TITLES),
        "embeddings": str(folder / EMBEDDINGS),
        "min_cosine": SAME,
    }
    assignments = [
        f"workspace={folder / 'workspace'}",
        f"harvest.sources.0.path={folder / 'clips'}",
        f"filter.duplicates.against={json.dumps([against])}",
    ]
    write_test_set(folder, entries, CHECKPOINT)
    project = open_project(path, assignments, ["filter"])
    run(project, Options(stages=("terms", "harvest", "filter")), Lines(lambda line: None))
    build = project.build(Options())
    names = {row["id"]: row["url"] for row in build.store("harvest/candidates").table(["url"]).to_pylist()}
    return {names[id_]: outcome for id_, outcome in follow(build).fates().items()}
