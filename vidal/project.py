"""A pipeline file opened for work: its nodes, its workspace, and the build over both."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidal.engine.build import Build, Options
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.nodes import Node
from vidal.engine.progress import Observer, StepReport
from vidal.engine.runners import Runner
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runners.ray import RayRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.step import Step
from vidal.engine.workspace import Workspace
from vidal.pipeline import STAGES, Pipeline, RunnerConfig, check_checkpoints, check_sources, load_pipeline, nodes


@dataclass(frozen=True)
class Project:
    """A validated pipeline file with the nodes it stands for and the workspace it names."""

    path: Path
    pipeline: Pipeline
    nodes: list[Node]
    workspace: Workspace

    def build(self, options: Options) -> Build:
        """The build of this project. Raises ConfigError where `resources` names a step that is not in the build."""
        known, stages = {node.name for node in self.nodes}, {node.stage for node in self.nodes}
        later = {name for name in self.pipeline.resources if name.partition("/")[0] in set(STAGES) - stages}
        if unknown := sorted(set(self.pipeline.resources) - known - later):
            raise ConfigError(
                f"{self.path}: resources.{unknown[0]}: no such step; steps are {', '.join(sorted(known))}"
            )
        resources = {name: given.model_dump(exclude_none=True) for name, given in self.pipeline.resources.items()}
        for node in self.nodes:
            most = node.resources.workers if isinstance(node, Step) else None
            if most and resources.get(node.name, {}).get("workers", 0) > most:
                raise ConfigError(
                    f"{self.path}: resources.{node.name}.workers: this step has {most} worker, which keeps count of "
                    "what it asks; raise the `requests` of its section instead"
                )
        return Build(self.workspace, self.nodes, options, resources)


def open_project(path: Path, overrides: list[str], stages: Sequence[str] = ()) -> Project:
    """Load and check everything that can be wrong before work starts, short of what `check_inputs` reads.

    Where only some stages are to be run, what comes after the last of them may be missing still.
    """
    pipeline = load_pipeline(path, overrides)
    until = max(stages, key=STAGES.index, default=STAGES[-1])
    with _naming(path):
        base = path.resolve().parent
        check_checkpoints(pipeline, base, until)
        workspace = Workspace(pipeline.workspace)
        _check_readable(workspace)
        return Project(path, pipeline, nodes(pipeline, base, until), workspace)


def check_inputs(project: Project) -> None:
    """Check what only the first step of a harvest would find out: that folders of clips exist and hold some."""
    with _naming(project.path):
        check_sources(project.pipeline, project.path.resolve().parent)


def run(project: Project, options: Options, observer: Observer) -> list[StepReport]:
    """Run a build under the workspace's lock, with a run record; runners are ended whatever happens."""
    workspace = project.workspace
    build = project.build(options)
    with _naming(project.path):
        workspace.check_writable()
    with workspace.lock(), _naming(project.path):
        workspace.sweep()
        record = RunRecord(workspace, new_id(), project.pipeline.model_dump(mode="json"), sys.argv)
        runners = _Runners(project.pipeline.runner, workspace)
        try:
            reports = build.run(runners.of, observer, record)
            record.event("run_ended")
            return reports
        except BaseException as error:
            record.event("run_stopped", error=type(error).__name__, traceback=traceback.format_exc())
            raise
        finally:
            observer.close()
            record.close()
            runners.close()


def _check_readable(workspace: Workspace) -> None:
    """Raise ConfigError where the workspace is a file, or a folder closed to this user. An absent one is empty."""
    if not workspace.local:
        return
    try:
        workspace.list("runs")
    except OSError as error:
        raise ConfigError(
            f"workspace {workspace.url} cannot be read ({error.strerror}); choose another with --set workspace=FOLDER"
        ) from error


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the pipeline file before the messages of what is wrong with it, and of what it asks for in vain."""
    try:
        yield
    except (ConfigError, MissingError) as error:
        raise type(error)(f"{path}: {error}") from error


class _Runners:
    """The runner for an amount of work; each kind is made once and kept for the build."""

    def __init__(self, config: RunnerConfig, workspace: Workspace) -> None:
        self._config = config
        self._workspace = workspace
        self._made: dict[str, Runner] = {}

    def of(self, pending: int) -> Runner:
        kind = choose(self._config, pending)
        if kind not in self._made:
            self._made[kind] = self._factories()[kind]()
        return self._made[kind]

    def close(self) -> None:
        for runner in self._made.values():
            runner.close()

    def _factories(self) -> dict[str, Callable[[], Any]]:
        config = self._config
        workers = 0 if self._workspace.protocol == "memory" else config.workers
        return {"local": lambda: LocalRunner(workers), "ray": lambda: RayRunner(config.address, config.workers)}


def choose(config: RunnerConfig, pending: int) -> str:
    """`local` or `ray`: as configured, or Ray for a given address or much work."""
    if config.kind != "auto":
        return config.kind
    return "ray" if config.address or pending > config.ray_above else "local"
