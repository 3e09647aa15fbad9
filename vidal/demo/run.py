"""The demo: its world written, its sites served, its dataset built, verified, and held against the truth."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vidal.demo.check import Line, bad_kept, compare, good_kept
from vidal.demo.clips import build_world
from vidal.demo.sites import Sites
from vidal.demo.trouble import Entry
from vidal.engine.build import Options
from vidal.engine.errors import ConfigError
from vidal.engine.progress import Observer, StepReport
from vidal.project import Project, open_project, run
from vidal.report.facts.ledger import follow
from vidal.report.outcomes import Outcome, funnel
from vidal.resources import shipped_root
from vidal.shard.read import Shards
from vidal.shard.verify import Verified, verify

KEY_VARIABLE = "VIDAL_DEMO_KEY"
PORT = 8765
GOOD_SHARE = 0.9
"""Share of the good entries that must be kept for the demo to count as passed."""


@dataclass(frozen=True)
class DemoResult:
    """What the demo built, and how that compares with its truth."""

    project: Project
    reports: Sequence[StepReport]
    funnel: Sequence[tuple[Outcome, int]]
    lines: Sequence[Line]
    good_kept: float
    bad_kept: Sequence[str]
    verified: Verified

    @property
    def passed(self) -> bool:
        wrong = any(line.met < line.entries for line in self.lines if line.expected.status != "kept")
        return not wrong and self.good_kept >= GOOD_SHARE and not self.verified.problems


@contextmanager
def world(folder: Path, port: int) -> Iterator[tuple[list[Entry], Sites]]:
    """The demo world's files in `folder`, and its sites on a loopback port, with the key that they ask for."""
    entries = build_world(folder)
    try:
        with Sites(folder, entries, port) as sites:
            before = os.environ.get(KEY_VARIABLE)
            os.environ[KEY_VARIABLE] = "demo"
            try:
                yield entries, sites
            finally:
                if before is None:
                    del os.environ[KEY_VARIABLE]
                else:
                    os.environ[KEY_VARIABLE] = before
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} of this machine is taken; choose another with --port") from error
        raise


def overrides(base_url: str) -> list[str]:
    """What points `pipelines/demo.yaml` at sites served elsewhere than on its own port."""
    return [
        f"harvest.sources.0.url={base_url}",
        f"harvest.sources.1.url={base_url}",
        f"caption.refine.url={base_url}/v1",
    ]


def open_demo(workspace: str, base_url: str, assignments: Sequence[str] = ()) -> Project:
    path = shipped_root() / "pipelines" / "demo.yaml"
    return open_project(path, [f"workspace={workspace}", *overrides(base_url), *assignments])


def run_demo(workspace: str, port: int, assignments: Sequence[str], observer: Observer) -> DemoResult:
    """Build the demo dataset in `workspace`, beside which its world is written to `<workspace>-world`."""
    with world(Path(f"{workspace}-world"), port) as (entries, sites):
        project = open_demo(workspace, sites.base_url, assignments)
        reports = run(project, Options(), observer)
    found = follow(project.build(Options())).fates()
    return DemoResult(
        project=project,
        reports=reports,
        funnel=funnel(found),
        lines=compare(entries, found),
        good_kept=good_kept(entries, found),
        bad_kept=bad_kept(entries, found),
        verified=verify(Shards(f"{project.workspace.url}/shards")),
    )
