"""Showing a build: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class StepReport:
    """The line of truth after a step. `rejected` and `failed` count samples of this run by rule and by class;
    `pending` counts by cause those of which nothing could be said; `spent` is what was paid for them all, by kind;
    `failures` counts every failed sample of the step, earlier runs included. `worked`, `busy`, `active` and `cpu` are
    the workers' seconds added up: whole, in `process`, in the step's own code, of CPU. `share` is the part of them
    spent in `process`, None for whole-table work."""

    step: str
    wanted: int
    already: int
    done: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    failures: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    worked: float = 0.0
    active: float = 0.0
    cpu: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        return self.busy / self.worked if self.worked else None

    @property
    def line(self) -> str:
        parts = [f"{self.step:<20} wanted {self.wanted}, already {self.already}, done {self.done}"]
        if self.rejected:
            parts.append("rejected " + _counts(self.rejected))
        if self.failed:
            parts.append("failed " + _counts(self.failed))
        if self.pending:
            parts.append("left pending " + _counts(self.pending))
        parts += [f"{name.replace('_', ' ')} {amount:,.12g}" for name, amount in self.spent.items()]
        parts.append(f"{self.seconds:.1f} s")
        if self.done and self.seconds:
            parts.append(f"{self.done / self.seconds:.1f}/s")
        if self.share is not None:
            parts.append(f"{self.share:.0%} in process")
        return ", ".join(parts)


def _counts(counts: Mapping[str, int]) -> str:
    inside = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
    return f"{sum(counts.values())} ({inside})"


class Observer(Protocol):
    """Hears of a build as it goes."""

    def begun(self, step: str, pending: int) -> None: ...

    def said(self, line: str) -> None: ...

    def advanced(self, samples: int) -> None: ...

    def ended(self, report: StepReport) -> None: ...

    def close(self) -> None: ...


class Lines:
    """One line per finished step, to a callable such as `print`."""

    def __init__(self, write: Any) -> None:
        self._write = write

    def begun(self, step: str, pending: int) -> None:
        return

    def said(self, line: str) -> None:
        self._write(f"  {line}")

    def advanced(self, samples: int) -> None:
        return

    def ended(self, report: StepReport) -> None:
        self._write(report.line)
        for note in report.notes:
            self._write(f"  {note}")

    def close(self) -> None:
        return


class Live:
    """A Rich progress bar for the step at work, above it the lines of those that ended."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: Any = None
        self._progress.start()

    def begun(self, step: str, pending: int) -> None:
        self._task = self._progress.add_task(step, total=pending)

    def said(self, line: str) -> None:
        self._console.print(f"  {line}", highlight=False, soft_wrap=True)

    def advanced(self, samples: int) -> None:
        self._progress.advance(self._task, samples)

    def ended(self, report: StepReport) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        style = "red" if report.failed else "yellow" if report.pending else None
        self._console.print(report.line, style=style, highlight=False, soft_wrap=True)
        for note in report.notes:
            self._console.print(f"  {note}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._progress.stop()
