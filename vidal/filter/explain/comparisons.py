"""The thresholds that a condition names, by DuckDB's own parse of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import isfinite
from typing import Any

from vidal.filter.conditions import connect, parsed

Place = tuple[str | int, ...]

BELOW = {"COMPARE_LESSTHAN": "<", "COMPARE_LESSTHANOREQUALTO": "<="}
ABOVE = {"COMPARE_GREATERTHAN": ">", "COMPARE_GREATERTHANOREQUALTO": ">="}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
QUANTILE = "share_below"


@dataclass(frozen=True)
class Comparison:
    """A score, or an expression over scores, that a condition compares with a number. All are SQL over one sample.

    `axis` is what is compared, `label` the same to be read, `operator` one of < <= > >=, `bound` the number. Where the
    condition compares a share, as in `share_below(motion) < 0.2`, `quantile` is true and `axis` is what the share is
    of, `motion`. `test` is the comparison itself, `if_true` and `if_false` are the whole condition with either put in
    its place.
    """

    axis: str
    label: str
    operator: str
    bound: float
    quantile: bool
    test: str
    if_true: str
    if_false: str

    @property
    def includes(self) -> bool:
        """Whether a sample exactly at the threshold lies on its lower side."""
        return self.operator in ("<=", ">") and not self.quantile


def comparisons(where: str) -> list[Comparison]:
    """The comparisons of a valid condition, in its order, wherever they stand under AND, OR, NOT and other functions.
    `a BETWEEN b AND c` is two."""
    condition = _Condition(where)
    return [found for place in _places(condition.root) if (found := condition.comparison(place))]


def columns(where: str) -> list[str]:
    """The scores that a valid condition names, each once, in its order."""
    return list(dict.fromkeys(_columns(_Condition(where).root)))


class _Condition:
    """A parsed condition, and the way back from its parts to SQL. A place is the path of a part below `root`."""

    def __init__(self, where: str) -> None:
        self._database = connect()
        self._tree = parsed(self._database, f"{where}\n, true, false")
        *_, true, false = self._tree["statements"][0]["node"]["select_list"]
        self._constants = {True: true, False: false}
        self.root = self._tree["statements"][0]["node"]["select_list"][:1]
        _spread(self.root)

    def comparison(self, place: Place) -> Comparison | None:
        """The comparison at a place, or None where neither of its sides is a number."""
        node = self.root
        for key in place:
            node = node[key]
        left, right, operator = node["left"], node["right"], (BELOW | ABOVE)[node["type"]]
        if not any(_columns(left)):
            left, right, operator = right, left, TURNED[operator]
        bound = None if any(_columns(right)) else self._number(right)
        if bound is None:
            return None
        quantile = left["class"] == "FUNCTION" and left["function_name"].lower() == QUANTILE
        axis = left["arguments"][0]["expression"] if quantile else left
        return Comparison(
            axis=self._sql(axis),
            label=self._label(axis),
            operator=operator,
            bound=bound,
            quantile=quantile,
            test=self._sql(node),
            if_true=self._sql(self._with(place, True)),
            if_false=self._sql(self._with(place, False)),
        )

    def _with(self, place: Place, value: bool) -> Any:
        """The condition with true or false at a place."""
        copy = deepcopy(self.root)
        node = copy
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = self._constants[value]
        return copy[0]

    def _number(self, node: Any) -> float | None:
        """What an expression without scores is worth, where that is a finite number."""
        import duckdb

        try:
            value = self._database.execute(f"SELECT ({self._sql(node)})::DOUBLE").fetchone()[0]
        except duckdb.Error:
            return None
        return value if value is not None and isfinite(value) else None

    def _label(self, node: Any) -> str:
        """An expression without the quotes around a lone column, or the brackets around an operation."""
        if node["class"] == "COLUMN_REF":
            return ".".join(node["column_names"])
        written = self._sql(node)
        return written[1:-1] if node.get("is_operator") and written.startswith("(") else written

    def _sql(self, node: Any) -> str:
        statement = self._tree["statements"][0]
        tree = {**self._tree, "statements": [{**statement, "node": {**statement["node"], "select_list": [node]}}]}
        written = self._database.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()[0]
        return written.removeprefix("SELECT ")


def _columns(node: Any) -> Iterator[str]:
    if isinstance(node, dict) and node.get("class") == "COLUMN_REF":
        yield ".".join(node["column_names"])
    for _, part in _parts(node):
        yield from _columns(part)


def _spread(node: Any) -> None:
    """Put `a >= b AND a <= c` wherever a parsed expression says `a BETWEEN b AND c`."""
    if isinstance(node, dict) and node.get("type") == "COMPARE_BETWEEN":
        value, lower, upper = node.pop("input"), node.pop("lower"), node.pop("upper")
        common = {"class": "COMPARISON", "alias": ""}
        node |= {"class": "CONJUNCTION", "type": "CONJUNCTION_AND"}
        node["children"] = [
            {**common, "type": "COMPARE_GREATERTHANOREQUALTO", "left": value, "right": lower},
            {**common, "type": "COMPARE_LESSTHANOREQUALTO", "left": value, "right": upper},
        ]
    for _, part in _parts(node):
        _spread(part)


def _places(node: Any, place: Place = ()) -> Iterator[Place]:
    """The places of all comparisons by order."""
    if isinstance(node, dict) and node.get("type") in BELOW | ABOVE:
        yield place
    for key, part in _parts(node):
        yield from _places(part, (*place, key))


def _parts(node: Any) -> Iterable[tuple[str | int, Any]]:
    return node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
