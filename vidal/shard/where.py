"""Conditions over a shard set: the columns of its index, and the scores of its samples' records."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from vidal.engine.errors import ConfigError
from vidal.filter import conditions
from vidal.filter.config import RuleConfig
from vidal.shard.index import Index

SCORE = "score_"
"""What stands before the name of a score, in the index and in conditions."""


def holding(index: Index, expression: str) -> list[int]:
    """The rows of an index for which a condition is true, in order.

    Its columns are those of the index that hold one value, and `score_NAME` for each score: of the index where it has
    them, else of the records, which are read if the condition names what the index lacks. Conditions are those of the
    filter's rules (`vidal.filter.conditions`). Raises ConfigError, with the columns there are, for any other.
    """
    import duckdb

    facts = flat(index.facts)
    try:
        conditions.connect().from_arrow(facts.slice(0, 0)).select(duckdb.SQLExpression(expression))
    except duckdb.BinderException:
        facts = with_scores(index, facts)
    except duckdb.Error:
        pass
    try:
        rule = RuleConfig(name="where", where=expression, kinds=("video", "audio"))
        conditions.check([rule], {field.name: field.type for field in facts.schema})
        told = conditions.values(facts, [rule]).column(0).to_pylist()
    except ConfigError as error:
        said = str(error).partition(": where: ")[2].replace("the scores are:", "the columns are:")
        raise ConfigError(f"--where {said or error}") from error
    return [position for position, holds in enumerate(told) if holds]


def flat(table: pa.Table) -> pa.Table:
    """The columns of an index that hold one value."""
    return table.select([field.name for field in table.schema if not pa.types.is_nested(field.type)])


def with_scores(index: Index, facts: pa.Table) -> pa.Table:
    """The facts with a column for each score of the records, unless the index has scores. A record that is missing, or
    is none, has no scores."""
    if any(name.startswith(SCORE) for name in facts.column_names):
        return facts
    scores = [record.get("scores") or {} for record in index.records(range(len(index)))]
    found = pa.Table.from_pylist([_numbers(row) for row in scores])
    for name in sorted(found.column_names):
        facts = facts.append_column(f"{SCORE}{name}", found[name])
    return facts


def _numbers(scores: dict[str, Any]) -> dict[str, float | str]:
    """The scores that a column can hold: numbers as such, truths as 0 and 1; texts as they are."""
    kinds = (bool, int, float)
    return {
        name: float(value) if isinstance(value, kinds) else value
        for name, value in scores.items()
        if isinstance(value, (*kinds, str))
    }
