"""The conditions of rules: what one may say, and what it says of each sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.engine.errors import ConfigError
from vidal.filter.config import RuleConfig


def connect() -> Any:
    """DuckDB in memory, with no way to files or network, since conditions come from a file; it knows `share_below`."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
    connection.execute(SHARE_BELOW).fetchall()
    connection.execute("SET lock_configuration = true").fetchall()
    return connection


def check(rules: Sequence[RuleConfig], types: Mapping[str, pa.DataType]) -> None:
    """Raise ConfigError naming the rule for a condition that is not one valid SQL expression, is not boolean, fails on
    blank scores, or asks for more than the scores of one sample: other columns, other rows, the time, chance."""
    import duckdb

    connection = connect()
    table = blank(types)
    scores = connection.from_arrow(table)
    pure = {name for (name,) in connection.execute(PURE_FUNCTIONS).fetchall()}
    names = {name.lower() for name in types}
    for position, rule in enumerate(rules):
        try:
            kinds = scores.select(duckdb.SQLExpression(rule.where)).types
        except duckdb.Error as error:
            line = f"{_line(error)}; the scores are: {', '.join(sorted(types))}"
            raise ConfigError(f"{_place(position, rule)}: {line}") from error
        if [str(kind).upper() for kind in kinds] != ["BOOLEAN"]:
            raise ConfigError(f"{_place(position, rule)} is {', '.join(map(str, kinds))}, not a condition")
        if foreign := sorted(set(_foreign(parsed(connection, rule.where), names, pure))):
            raise ConfigError(
                f"{_place(position, rule)} uses {', '.join(foreign)}; a condition is over the scores of one sample, "
                "with functions that depend on their arguments alone"
            )
    values(table, rules)


def values(table: pa.Table, rules: Sequence[RuleConfig]) -> pa.Table:
    """What each condition says of each row, whatever the rule's kinds: a nullable boolean column per rule, `rule_0` and
    so on in their order, a row per row of the table.

    Raises ConfigError naming the rule where a row's values make its condition fail, as a text cast to a number does.
    """
    import duckdb

    told = {f"rule_{place}": duckdb.SQLExpression(rule.where).cast("BOOLEAN") for place, rule in enumerate(rules)}
    try:
        return evaluated(table, told)
    except duckdb.Error:
        for (position, rule), (name, condition) in zip(enumerate(rules), told.items(), strict=True):
            try:
                evaluated(table, {name: condition})
            except duckdb.Error as error:
                raise ConfigError(f"{_place(position, rule)}: {_line(error)}") from error
        raise


def evaluated(table: pa.Table, expressions: Mapping[str, Any]) -> pa.Table:
    """The values of DuckDB expressions, a column each by its name, a row per row of the table.

    They are put in order here: a database that sorts a million rows takes as long as for all else.
    """
    import duckdb

    numbered = table.append_column(ROW, pa.array(np.arange(len(table))))
    columns = [expression.alias(name) for name, expression in expressions.items()]
    found = connect().from_arrow(numbered).select(duckdb.ColumnExpression(ROW), *columns).to_arrow_table()
    return found.take(pa.array(np.argsort(found[ROW].to_numpy()))).drop_columns([ROW])


ROW = "row_number"
"""A column of our own, which no condition may name: it is no score."""

SHARE_BELOW = """
    CREATE MACRO share_below(score) AS CASE WHEN score IS NOT NULL THEN
        (rank() OVER (PARTITION BY kind, score IS NULL ORDER BY score) - 1)::DOUBLE
        / count(*) OVER (PARTITION BY kind, score IS NULL) END
"""
"""The one function that looks at other samples: the share of those of the same kind and with a score of which the score
is lower. Null where the sample has none."""

PURE_FUNCTIONS = """
    SELECT function_name FROM duckdb_functions()
    GROUP BY function_name HAVING bool_and(function_type = 'scalar' AND stability = 'CONSISTENT')
    UNION ALL SELECT 'share_below'
"""
"""Functions whose every form gives the same value for the same arguments, whenever and on whatever row."""


BEYOND_ONE_SAMPLE = {"SUBQUERY": "a subquery", "WINDOW": "a window"}
"""Classes of DuckDB's parse tree that reach other rows, and how they are named to the user."""


def blank(types: Mapping[str, pa.DataType]) -> pa.Table:
    """Two rows of scores: all null; and true, one, or the text `video`."""
    columns = [pa.array([None, "video" if pa.types.is_string(kind) else 1]).cast(kind) for kind in types.values()]
    return pa.table(columns, names=list(types))


def _foreign(node: Any, scores: set[str], pure: set[str]) -> Iterator[str]:
    """What a parsed condition names besides scores, operators and pure functions."""
    if isinstance(node, list):
        for part in node:
            yield from _foreign(part, scores, pure)
    elif isinstance(node, dict):
        kind = node.get("class")
        if kind in BEYOND_ONE_SAMPLE:
            yield BEYOND_ONE_SAMPLE[kind]
        elif kind == "COLUMN_REF" and ".".join(node["column_names"]).lower() not in scores:
            yield ".".join(node["column_names"])
        elif kind == "FUNCTION" and not node["is_operator"] and node["function_name"].lower() not in pure:
            yield node["function_name"]
        for part in node.values():
            yield from _foreign(part, scores, pure)


def parsed(connection: Any, where: str) -> Any:
    """DuckDB's parse of a condition known to be one expression, as nested dictionaries and lists."""
    return json.loads(connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {where}"]).fetchone()[0])


def _place(position: int, rule: RuleConfig) -> str:
    return f"filter.rules.{position}.where: {rule.name}: {rule.where!r}"


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
