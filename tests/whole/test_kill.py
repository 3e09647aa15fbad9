"""A build killed anywhere continues, redoes only what was in flight, and ends in the same bytes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.whole.support import Demo, history, shards
from vidal.pipeline import STAGES

QUICK = ("--runner", "local", "--set", "part_size=4", "--set", "shard.samples=4")


def kill_in(demo: Demo, workspace: Path, stage: str, delay: float) -> None:
    """Start a build, and kill its whole process group `delay` seconds after the stage has begun."""
    process = demo.start(workspace, *QUICK)
    before = STAGES[STAGES.index(stage) - 1] if stage != STAGES[0] else None
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None and before and not ended(workspace, before):
        time.sleep(0.05)
    time.sleep(delay)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def ended(workspace: Path, stage: str) -> bool:
    """Whether the last step of a stage has ended."""
    last = {"terms": "terms/terms", "harvest": "harvest/media", "filter": "filter/verdicts",
            "generate": "generate/infrared", "caption": "caption/refine"}[stage]  # fmt: skip
    if not (workspace / "runs").is_dir():
        return False
    return any(event["event"] == "step_ended" and event["step"] == last for event in history(workspace))


@pytest.fixture(scope="session")
def whole(few: Demo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The shards of a build that nothing interrupted."""
    workspace = tmp_path_factory.mktemp("whole") / "w"
    few.build(workspace, *QUICK)
    return shards(workspace)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_build_ends_in_the_same_shards(stage: str, few: Demo, whole: dict[str, bytes], tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    delay = random.uniform(0.0, {"terms": 1.0, "shard": 0.3}.get(stage, 4.0))
    kill_in(few, workspace, stage, delay)
    killed_after = sum(event["event"] == "part_committed" for event in history(workspace)) if workspace.exists() else 0
    few.build(workspace, *QUICK)

    assert shards(workspace) == whole
    committed, wanted = Counter(), {}
    for event in history(workspace):
        if event["event"] == "part_committed":
            committed[event["step"]] += event["samples"]
        elif event["event"] == "step_ended":
            wanted[event["step"]] = event["wanted"]
    again = {step: count - wanted[step] for step, count in committed.items() if count > wanted[step]}
    assert not again, f"processed twice although committed: {again} (killed {delay:.2f} s into {stage})"
    print(f"{stage}: killed after {delay:.2f} s with {killed_after} parts committed; nothing processed twice")
    assert not [path for path in workspace.rglob(".tmp-*")]
