"""What building took: seconds and samples of each step over all runs, failures by reason, and what was paid."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from vidal.caption.llm.ledger import FOLDER as SPENDING
from vidal.caption.llm.ledger import spent
from vidal.engine.build import Build
from vidal.engine.errors import MissingError
from vidal.engine.runs import events
from vidal.engine.workspace import Workspace
from vidal.status import failures


@dataclass(frozen=True)
class Pace:
    """A step over all runs: samples done, seconds on the clock, and of the workers' seconds the share in `process`."""

    step: str
    done: int
    seconds: float
    share: float | None

    @property
    def rate(self) -> float | None:
        return self.done / self.seconds if self.done and self.seconds else None


@dataclass(frozen=True)
class Run:
    """A build: how it ended (`ended`, `stopped` by an error, or `unfinished`), and its seconds until its last word."""

    id: str
    state: str
    seconds: float


@dataclass(frozen=True)
class Reason:
    """A class of failure at a step, and the message of the first sample that has it."""

    step: str
    error_class: str
    samples: int
    example: str


@dataclass(frozen=True)
class Bill:
    """What was asked of one endpoint, by the key of its section, over all builds. `dollars` is 0 without a price."""

    key: str
    calls: int
    cached: int
    prompt_tokens: int
    answer_tokens: int
    dollars: float


def runs(workspace: Workspace) -> tuple[tuple[Run, ...], tuple[Pace, ...]]:
    """The runs of a workspace in order, and the pace of each step in the order in which steps first ran."""
    found: list[Run] = []
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for name in workspace.list("runs"):
        try:
            told = events(workspace, name)
        except (MissingError, ValueError):
            continue
        state = {"run_ended": "ended", "run_stopped": "stopped"}.get(told[-1]["event"] if told else "", "unfinished")
        seconds = told[-1]["time"] - told[0]["time"] if told else 0.0
        found.append(Run(name, state, round(seconds, 3)))
        for event in (one for one in told if one["event"] == "step_ended"):
            totals[event["step"]].update({key: event[key] for key in ("done", "seconds", "busy", "worked")})
    paces = tuple(
        Pace(
            step,
            int(sums["done"]),
            round(sums["seconds"], 3),
            sums["busy"] / sums["worked"] if sums["worked"] else None,
        )
        for step, sums in totals.items()
    )
    return tuple(found), paces


def reasons(build: Build) -> tuple[Reason, ...]:
    """Failed samples by step and class, in the order of the steps, the most common class first."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for failed in failures(build):
        counts[failed.step, failed.error_class] += 1
        examples.setdefault((failed.step, failed.error_class), failed.message)
    order = {node.name: place for place, node in enumerate(build.nodes)}
    keys = sorted(counts, key=lambda key: (order[key[0]], -counts[key], key[1]))
    return tuple(Reason(*key, counts[key], examples[key]) for key in keys)


def bills(workspace: Workspace) -> tuple[Bill, ...]:
    return tuple(_bills(workspace))


def _bills(workspace: Workspace) -> Iterator[Bill]:
    for key in workspace.list(SPENDING):
        with suppress(NotADirectoryError):
            totals: dict[str, Any] = asdict(spent(workspace, key))
            totals.pop("prompt_bytes")
            yield Bill(key, **totals)
