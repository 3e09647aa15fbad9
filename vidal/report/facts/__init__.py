"""The numbers of a report, all of them read from the manifests of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidal.engine.build import Build
from vidal.engine.workspace import Workspace
from vidal.filter.config import RuleConfig
from vidal.report.facts import media, running
from vidal.report.facts import scores as scoring
from vidal.report.facts.amounts import Amount
from vidal.report.facts.ledger import Passage, follow
from vidal.status import StepStatus, step_statuses

TERMS_REPORT = "terms/report.json"


@dataclass(frozen=True)
class Terms:
    """The terms chosen, by corpus (a term of several counts in each), and the distinct texts they were chosen from."""

    terms: int
    distinct: int
    corpora: dict[str, int]
    dropped: dict[str, int]


@dataclass(frozen=True)
class Report:
    """What became of a dataset: everything a page shows but its samples."""

    name: str
    workspace: str
    terms: Terms | None
    found: Amount
    kept: Amount
    shards: int
    shard_bytes: int
    funnel: tuple[Passage, ...]
    steps: tuple[StepStatus, ...]
    scores: scoring.Scores
    grid: media.Grid
    facets: tuple[media.Facet, ...]
    failures: tuple[running.Reason, ...]
    paces: tuple[running.Pace, ...]
    runs: tuple[running.Run, ...]
    bills: tuple[running.Bill, ...]

    @property
    def unfinished(self) -> tuple[StepStatus, ...]:
        return tuple(step for step in self.steps if step.state != "done")


def collect(build: Build, name: str, rules: Sequence[RuleConfig], command: Callable[[Iterable[str]], str]) -> Report:
    """Read a workspace as it is: whole, half built or empty. Nothing is built, no model is loaded. `command` tells how
    stages are built, for what is missing."""
    workspace = build.workspace
    ledger = follow(build)
    stats: dict[str, Any] = _json(workspace, "shards/stats.json").get("shards", {})
    found, paces = running.runs(workspace)
    return Report(
        name=name,
        workspace=workspace.url,
        terms=_terms(workspace),
        found=ledger.amount(np.ones(len(ledger.ids), bool)),
        kept=ledger.amount(ledger.standing),
        shards=len(stats),
        shard_bytes=sum(one["bytes"] for one in stats.values()),
        funnel=ledger.passages,
        steps=tuple(step_statuses(build)),
        scores=scoring.scores(build, rules, command),
        grid=media.categories(build, ledger),
        facets=media.facets(build, ledger),
        failures=running.reasons(build),
        paces=paces,
        runs=found,
        bills=running.bills(workspace),
    )


def _terms(workspace: Workspace) -> Terms | None:
    told = _json(workspace, TERMS_REPORT)
    if not told:
        return None
    return Terms(told["terms"], told["distinct"], dict(told["chosen"]), dict(told["dropped"]))


def _json(workspace: Workspace, name: str) -> dict[str, Any]:
    return workspace.read_json(name) if workspace.exists(name) else {}
