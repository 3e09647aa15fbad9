"""The scores of a workspace, where they are those that its pipeline file stands for now."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from vidal.engine.build import Build
from vidal.engine.errors import MissingError
from vidal.engine.nodes import Context, state
from vidal.engine.runners.local import LocalRunner
from vidal.filter.scores import Scores, judged
from vidal.filter.tables import DUPLICATES, SCORES, VERDICTS
from vidal.filter.verdicts import FilterVerdicts

RULES = FilterVerdicts.name
"""The one node that may differ from what was built: what it would do is the question."""


def scored(build: Build, command: Callable[[Iterable[str]], str]) -> pa.Table:
    """All that rules may ask of every sample (`scores.judged`).

    Raises MissingError where scores or duplicates are missing, or are those of other samples or settings, with the
    command that makes them, which `command` tells by the stages to build.
    """
    missing = dict.fromkeys(node.stage for node in build.nodes if node.name != RULES and not build.has_run(node.name))
    workspace = build.workspace
    if missing or not (workspace.exists(SCORES) and workspace.exists(DUPLICATES)):
        todo = command(dict.fromkeys([*missing, "filter"]))
        raise MissingError(f"{workspace.url} has no scores under the current settings; run `{todo}` first")
    table = next(node for node in build.nodes if isinstance(node, Scores))
    context = Context(workspace, build.fingerprints, LocalRunner(0))
    scores, duplicates = (workspace.read_table(name, ["id"]) for name in (SCORES, DUPLICATES))
    if workspace.table_metadata(SCORES).get("state") != state(context, table) or not scores.equals(duplicates):
        raise MissingError(
            f"the scores in {workspace.url} are older than its samples; run `{command(['filter'])}` first"
        )
    return judged(workspace)


def committed(build: Build) -> pa.Table | None:
    """The verdicts of the last build, by whatever rules; None where there are none."""
    return build.workspace.read_table(VERDICTS) if build.workspace.exists(VERDICTS) else None
