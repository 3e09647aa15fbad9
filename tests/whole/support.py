"""Builds of the demo world through the command, and what they leave."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from vidal.demo.run import KEY_VARIABLE, overrides
from vidal.demo.sites import Sites
from vidal.demo.trouble import Entry
from vidal.engine.runs import events
from vidal.engine.workspace import Workspace
from vidal.resources import shipped_root

DEMO = shipped_root() / "pipelines" / "demo.yaml"


@dataclass
class Demo:
    """The demo world's sites, and builds of it in folders of choice."""

    entries: list[Entry]
    sites: Sites

    def command(self, workspace: Path, *arguments: str) -> list[str]:
        base = [sys.executable, "-m", "vidal", "build", str(DEMO), "--set", f"workspace={workspace}"]
        settings = [word for pair in overrides(self.sites.base_url) for word in ("--set", pair)]
        return [*base, *settings, *arguments]

    def start(self, workspace: Path, *arguments: str) -> subprocess.Popen[str]:
        """The build as a process group of its own."""
        return subprocess.Popen(
            self.command(workspace, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, KEY_VARIABLE: "demo"},
        )

    def build(self, workspace: Path, *arguments: str) -> str:
        """Run a build to its end and return what it printed; fails the test on another exit code than 0."""
        process = self.start(workspace, *arguments)
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
        return said


def shards(workspace: Path) -> dict[str, bytes]:
    """The tars of a workspace by name."""
    return {path.name: path.read_bytes() for path in sorted((workspace / "shards").glob("*.tar"))}


def history(workspace: Path) -> list[dict]:
    """The events of every run of a workspace, in order."""
    folder = Workspace(str(workspace))
    return [event for run in sorted(p.name for p in (workspace / "runs").iterdir()) for event in events(folder, run)]
