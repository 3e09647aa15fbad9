"""`filter/verdicts.parquet`: kept or dropped, by the rules of the pipeline file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from vidal.engine.nodes import Context, Summary, Verdicts, standing, state
from vidal.engine.workspace import Workspace
from vidal.filter import rules as policy
from vidal.filter.conditions import check
from vidal.filter.config import RuleConfig
from vidal.filter.scores import Scores, judged
from vidal.filter.tables import DUPLICATES, SCORES, VERDICTS


class FilterVerdicts(Verdicts):
    """Applies the rules, in order, to the scores and duplicates. Raises ConfigError for a rule that is none."""

    name = "filter/verdicts"
    version = 2
    reads = ("filter/scores", "filter/duplicates")

    def __init__(self, rules: Sequence[RuleConfig], table: Scores) -> None:
        self.rules = rules
        check(rules, table.types)

    def settings(self) -> Mapping[str, Any]:
        return {"rules": [rule.model_dump(mode="json") for rule in self.rules]}

    def kept(self, workspace: Workspace) -> Mapping[int, frozenset[str]]:
        parts: dict[int, list[str]] = defaultdict(list)
        columns = workspace.read_table(VERDICTS, columns=["id", "part", "kept"]).to_pydict()
        for id_, part, kept in zip(columns["id"], columns["part"], columns["kept"], strict=True):
            if kept:
                parts[part].append(id_)
        return {part: frozenset(ids) for part, ids in parts.items()}

    def flagged(self, workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
        columns = workspace.read_table(VERDICTS, columns=["id", "flags"]).to_pydict()
        return {id_: tuple(flags) for id_, flags in zip(columns["id"], columns["flags"], strict=True) if flags}

    def run(self, context: Context) -> Summary:
        workspace = context.workspace
        now = state(context, self, SCORES, DUPLICATES)
        if summary := standing(workspace, VERDICTS, now):
            return summary
        table = policy.verdicts(judged(workspace), self.rules)
        workspace.write_table(VERDICTS, table, {"state": now})
        return Summary(len(table), 0, len(table), _dropped(table), _unscored(table))


def _dropped(table: Any) -> dict[str, int]:
    """How many samples each rule drops."""
    import pyarrow.compute as pc

    counts = table.filter(pc.invert(table["kept"]))["rule"].value_counts().to_pylist()
    return {entry["values"]: entry["counts"] for entry in counts}


def _unscored(table: Any) -> tuple[str, ...]:
    """A line where samples are kept although a score failed for them."""
    import pyarrow.compute as pc

    failed = table.filter(pc.and_(table["kept"], pc.greater(pc.list_value_length(table["failed"]), 0)))["failed"]
    if not len(failed):
        return ()
    steps = ", ".join(sorted(pc.unique(pc.list_flatten(failed)).to_pylist()))
    count = "1 sample is kept although a score failed for it"
    if len(failed) > 1:
        count = f"{len(failed)} samples are kept although a score failed for them"
    return (
        f"{count} ({steps}): no rule drops what it cannot tell; see `missing` of rules, or "
        "`vidal build --retry-failed`",
    )
