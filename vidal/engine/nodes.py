"""The nodes of a build: steps, and the whole-table work between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from vidal.engine import fingerprint
from vidal.engine.commits import Store
from vidal.engine.runners import Runner
from vidal.engine.step import Step
from vidal.engine.workspace import Workspace


@dataclass(frozen=True)
class Summary:
    """What whole-table work did: rows wanted, done before and now, and lines a user should read."""

    wanted: int
    already: int
    done: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """What whole-table work may use: the workspace, the stores of committed steps, a runner for its own units."""

    workspace: Workspace
    fingerprints: Mapping[str, str]
    runner: Runner

    def store(self, step: str) -> Store:
        return Store(self.workspace, step, self.fingerprints[step])


class Table:
    """Work over all samples at once, on the driver: a merge, the verdicts, the plan of the shards.

    `reads` names the nodes whose results it needs. It recomputes when `state` differs from what it last left
    in its output, so it decides itself that nothing has changed.
    """

    name: str
    version: int = 1
    reads: tuple[str, ...] = ()

    def settings(self) -> Mapping[str, Any]:
        raise NotImplementedError

    def run(self, context: Context) -> Summary:
        raise NotImplementedError

    @property
    def stage(self) -> str:
        return self.name.split("/", 1)[0]

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of the workspace in which it keeps more than its output, under its present settings."""
        return ()


class Spine(Table):
    """A table whose rows give samples their parts. It is committed like a step, under a fingerprint of its own name:
    what a sample is does not depend on the settings that found it."""

    columns: Mapping[str, pa.DataType] = {}

    @property
    def schema(self) -> pa.Schema:
        """That of the rows a spine is made of: `id`, `kind` and its columns."""
        return pa.schema([("id", pa.string()), ("kind", pa.string()), *self.columns.items()])


class Verdicts(Table):
    """A table that says which samples later steps want."""

    def kept(self, workspace: Workspace) -> Mapping[int, frozenset[str]]:
        """The ids kept, by part."""
        raise NotImplementedError

    def flagged(self, workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
        """The rules that marked a sample, by id, where any did."""
        return {}


Node = Step | Table


def fingerprint_of(node: Node) -> str:
    return fingerprint.of_step(node.name, node.version, {} if isinstance(node, Spine) else node.settings())


def state(context: Context, node: Table, *files: str) -> str:
    """What a table's result depends on: its settings, every piece committed in the steps it reads, and the state of
    the files of tables that it reads."""
    pieces = {name: context.store(name).stems() for name in node.reads}
    own = fingerprint.of_step(node.name, node.version, node.settings())
    depends = {"node": own, "pieces": pieces}
    if files:
        depends["files"] = [context.workspace.table_metadata(file)["state"] for file in files]
    return fingerprint.digest(depends, length=16)


def standing(workspace: Workspace, file: str, state: str) -> Summary | None:
    """The summary of a table whose file, a row per sample, was written in this state; None where it was not."""
    if workspace.table_metadata(file).get("state") != state:
        return None
    samples = workspace.table_rows(file)
    return Summary(samples, samples, 0)
