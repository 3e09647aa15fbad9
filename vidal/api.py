"""Pipelines from Python: the build, the progress and the tables of a pipeline file, as the command has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from vidal.engine.build import Build, Options
from vidal.engine.errors import ConfigError, MissingError
from vidal.engine.nodes import Spine, Table
from vidal.engine.progress import Lines, StepReport
from vidal.pipeline import STAGES
from vidal.project import open_project, run
from vidal.status import StepStatus, step_statuses
from vidal.status import failures as ledger

if TYPE_CHECKING:
    import pandas as pd

    from vidal.shard.access import ShardSet


class Manifest:
    """A table of a workspace. `table` is Arrow's, which Polars and DuckDB take as it is."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def to_pandas(self) -> pd.DataFrame:
        return self.table.to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Pipeline:
    """A pipeline file opened for work. Paths in it are relative to it; its workspace to the current folder."""

    def __init__(self, path: Path, assignments: Sequence[str]) -> None:
        self._path = path
        self._assignments = list(assignments)
        self._project = open_project(path, self._assignments, STAGES[:1])

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str], set: Sequence[str] = ()) -> Pipeline:
        """Open a pipeline file, with overrides as those of `--set`: `set=["filter.rules=[]", "workspace=w"]`.

        Raises ConfigError or MissingError with all that is wrong with it.
        """
        if isinstance(set, str):
            raise ConfigError(f"set={set!r}: give a list of KEY=VALUE")
        return cls(Path(path), set)

    @property
    def workspace(self) -> str:
        """Where the build lives."""
        return self._project.workspace.url

    def __repr__(self) -> str:
        return f"<Pipeline {self._project.pipeline.name!r} in {self.workspace}>"

    def build(
        self, stages: Sequence[str] = (), *, limit: int | None = None, said: Callable[[str], None] | None = None
    ) -> list[StepReport]:
        """Build the stages named, or all: what is done stands, what is missing is made. `limit` is the most samples a
        step takes up; `said` gets the lines of progress. A report per step: what was wanted, done, rejected, failed.

        A script that builds guards its work by `if __name__ == "__main__":`, since worker processes import it.
        """
        if isinstance(stages, str) or any(stage not in STAGES for stage in stages):
            raise ConfigError(f"stages={stages!r}: a list of {', '.join(STAGES)}")
        if limit is not None and limit < 1:
            raise ConfigError(f"limit={limit}: at least 1")
        project = open_project(self._path, self._assignments, stages)
        return run(project, Options(stages=tuple(stages), limit=limit), Lines(said or (lambda line: None)))

    def status(self) -> list[StepStatus]:
        """Every step, in order: its state, and what is wanted, pending, ok, rejected and failed."""
        return list(step_statuses(self._build()))

    def failures(self) -> Manifest:
        """A row per failed sample: step, id, error_class, message, attempts, traceback_hash, url."""
        names = ("step", "id", "error_class", "message", "traceback_hash", "url")
        types = [pa.field(name, pa.string()) for name in names]
        schema = pa.schema([*types[:4], pa.field("attempts", pa.int64()), *types[4:]])
        return Manifest(pa.Table.from_pylist([asdict(row) for row in ledger(self._build())], schema=schema))

    def manifest(self, step: str) -> Manifest:
        """The latest row of each sample in a step, such as `harvest/media`, or a table of the filter: `filter/scores`,
        `filter/duplicates`, `filter/verdicts`. MissingError before the step has run, ConfigError for no such step."""
        build = self._build()
        node = next((node for node in build.nodes if node.name == step), None)
        if node is None:
            raise ConfigError(f"{step}: no such step; steps are {', '.join(node.name for node in build.nodes)}")
        file = f"{step}.parquet"
        if isinstance(node, Table) and not isinstance(node, Spine):
            if not build.workspace.exists(file):
                raise MissingError(f"{step} has left no table in {self.workspace}; build its stage first")
            return Manifest(build.workspace.read_table(file).replace_schema_metadata(None))
        if not build.has_run(step):
            raise MissingError(f"{step} has not been built in {self.workspace}; build its stage first")
        columns = ["kind", "status", "rule", "error_class", "error_message", *sorted(node.columns)]
        return Manifest(build.store(step).table(columns))

    def shards(self) -> ShardSet:
        """The shards of the workspace, as `vidal.open` gives them."""
        from vidal.shard.access import open_set

        return open_set(f"{self.workspace.rstrip('/')}/shards")

    def _build(self) -> Build:
        return open_project(self._path, self._assignments).build(Options())
