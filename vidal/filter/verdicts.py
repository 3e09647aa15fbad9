"""`filter/verdicts.parquet`: kept or dropped, a pure function of scores and rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidal.engine.nodes import Context, Summary, Verdicts, state
from vidal.engine.schemas import VERDICTS
from vidal.engine.step import FAILED, OK, Step
from vidal.engine.workspace import Workspace
from vidal.filter.conditions import check, connect, held
from vidal.filter.config import RuleConfig

OUTPUT = "filter/verdicts.parquet"
FACTS = ("seconds", "fps", "width", "height", "audio_seconds", "source_sha256")


class FilterVerdicts(Verdicts):
    """Joins the scores of every sample whose media are ok, still wanted and admitted, and applies the rules in order.

    A sample one of whose scores failed is not kept, and carries no rule: it failed, it was not rejected.
    """

    name = "filter/verdicts"

    def __init__(self, rules: Sequence[RuleConfig], media: Step, admit: Step, scores: Sequence[Step]) -> None:
        self.rules = rules
        self.scores = scores
        self.media = media
        self.standing = (*media.inputs, admit.name)
        self.reads = (*self.standing, media.name, *(step.name for step in scores))
        self.types: dict[str, pa.DataType] = {"kind": pa.string(), "duplicate": pa.bool_()}
        self.types |= {name: media.columns[name] for name in FACTS}
        self.types |= {name: type_ for step in scores for name, type_ in step.columns.items()}
        check(rules, self.types)

    def settings(self) -> Mapping[str, Any]:
        return {"rules": [rule.model_dump(mode="json") for rule in self.rules]}

    def kept(self, workspace: Workspace) -> Mapping[int, frozenset[str]]:
        parts: dict[int, set[str]] = defaultdict(set)
        for row in workspace.read_table(OUTPUT, columns=["id", "part", "kept"]).to_pylist():
            if row["kept"]:
                parts[row["part"]].add(row["id"])
        return {part: frozenset(ids) for part, ids in parts.items()}

    def run(self, context: Context) -> Summary:
        now = state(context, self)
        before = context.workspace.table_metadata(OUTPUT)
        if before.get("state") == now:
            return Summary(int(before["samples"]), int(before["samples"]), 0)
        media = context.store(self.media.name).table(["kind", "status", *FACTS])
        for name in self.standing:
            media = among(media, context.store(name).table(["status"]))
        scores = {step.name: context.store(step.name).table(["status", *step.columns]) for step in self.scores}
        table = verdicts(media, scores, self.rules, self.types)
        context.workspace.write_table(OUTPUT, table, {"state": now, "samples": str(len(table))})
        dropped = dict(Counter(rule for rule in table.column("rule").to_pylist() if rule))
        return Summary(len(table), 0, len(table), dropped)


def among(media: pa.Table, earlier: pa.Table) -> pa.Table:
    """The rows of samples that are ok in an earlier step as it stands: not those withdrawn or rejected since."""
    import pyarrow.compute as pc

    standing = earlier.filter(pc.equal(earlier["status"], OK))["id"]
    return media.filter(pc.is_in(media["id"], value_set=standing.combine_chunks()))


def verdicts(
    media: pa.Table, scores: Mapping[str, pa.Table], rules: Sequence[RuleConfig], types: Mapping[str, pa.DataType]
) -> pa.Table:
    """The verdict of every sample whose media are ok, ordered by part and id.

    `duplicate` is true for all but the first, by id, of the samples fetched as the same bytes.
    """
    connection = connect()
    connection.register("media", _typed(media, types))
    joins, columns, failures = [], [], []
    for position, (name, table) in enumerate(scores.items()):
        connection.register(f"score_{position}", _typed(table, types))
        joins.append(f"LEFT JOIN score_{position} USING (id)")
        columns += [f", score_{position}.{column}" for column in table.column_names if column in types]
        failures.append(f"CASE WHEN score_{position}.status = '{FAILED}' THEN ['{name}'] ELSE [] END, ")
    found = connection.sql(
        f"""
        WITH facts AS (
            SELECT id, part, kind, {", ".join(FACTS)},
                   row_number() OVER (PARTITION BY source_sha256 ORDER BY id) > 1 AS duplicate
            FROM media WHERE status = 'ok'
        )
        SELECT facts.*, list_concat({"".join(failures)} []::VARCHAR[], []::VARCHAR[]) AS failures {"".join(columns)}
        FROM facts {" ".join(joins)} ORDER BY part, id
        """
    ).to_arrow_table()
    rows = found.select(["id", "kind", "part", "failures"]).to_pylist()
    matching: list[list[RuleConfig]] = [[] for _ in rows]
    facts = found.select(list(types))
    for position, rule in enumerate(rules):
        for row in held(facts, position, rule):
            matching[row].append(rule)
    return pa.Table.from_pylist([_verdict(row, rules) for row, rules in zip(rows, matching, strict=True)], VERDICTS)


def _verdict(row: Mapping[str, Any], matching: Sequence[RuleConfig]) -> dict[str, Any]:
    failed = bool(row["failures"])
    dropping = None if failed else next((rule.name for rule in matching if rule.action == "drop"), None)
    return {
        "id": row["id"],
        "kind": row["kind"],
        "part": row["part"],
        "kept": dropping is None and not failed,
        "rule": dropping,
        "failed": row["failures"],
        "flags": [rule.name for rule in matching if rule.action == "flag"],
    }


def _typed(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The table with its columns in their declared types, which an empty table does not know by itself."""
    return table.cast(pa.schema([pa.field(f.name, types.get(f.name, f.type)) for f in table.schema]))
