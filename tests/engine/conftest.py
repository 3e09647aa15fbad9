"""Workspaces, and builds of the toy steps."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.nodes import Node
from vidal.engine.progress import StepReport
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.workspace import Workspace


@pytest.fixture(params=["local", "memory"])
def workspace(request, tmp_path) -> Workspace:
    return Workspace(str(tmp_path / "w") if request.param == "local" else f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def folder(tmp_path) -> Workspace:
    """A local workspace."""
    return Workspace(str(tmp_path / "w"))


@dataclass
class Silent:
    """An observer that remembers."""

    ended_steps: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def begun(self, step: str, pending: int) -> None:
        return

    def said(self, line: str) -> None:
        self.lines.append(line)

    def advanced(self, samples: int) -> None:
        return

    def ended(self, report: StepReport) -> None:
        self.ended_steps.append(report.step)

    def close(self) -> None:
        return


@pytest.fixture
def run_nodes() -> Callable[..., dict[str, StepReport]]:
    """Run nodes over a workspace, in this process unless a runner is given; reports by step."""

    def run(
        workspace: Workspace,
        nodes: Sequence[Node],
        runner=None,
        options: Options | None = None,
        resources=None,
        observer=None,
    ) -> dict[str, StepReport]:
        options = options or Options(retry=Retry(attempts=1))
        build = Build(workspace, nodes, options, resources)
        record = RunRecord(workspace, new_id(), {}, ["test"])
        chosen = runner or LocalRunner(0)
        try:
            return {report.step: report for report in build.run(lambda pending: chosen, observer or Silent(), record)}
        finally:
            record.close()

    return run
