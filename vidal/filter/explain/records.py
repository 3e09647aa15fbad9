"""An explanation and a reason as JSON has them."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any

from vidal.filter.config import RuleConfig
from vidal.filter.explain.explanation import Axis, Example, Explanation, Threshold
from vidal.filter.explain.reasons import Reason


def explanation_record(explanation: Explanation) -> dict[str, Any]:
    """All numbers of an explanation, and the ids of the samples nearest to each threshold."""
    counts = explanation.counts
    ids = explanation.judgement.table["id"]
    return {
        "samples": {kind: asdict(fates) for kind, fates in counts.fates.items()},
        "changes": asdict(explanation.changes) if explanation.changes else None,
        "failed": counts.failed,
        "rules": [
            _rule(one.rule) | {"total": asdict(one.total), "by_kind": {k: asdict(c) for k, c in one.by_kind.items()}}
            for one in counts.rules
        ],
        "overlap": asdict(counts.overlap),
        "scores": [_axis(axis, ids) for axis in explanation.axes],
    }


def reason_record(reason: Reason) -> dict[str, Any]:
    """A reason, with numbers that JSON lacks (nan, inf) as their names."""
    rules = [
        _rule(one.rule) | {name: value for name, value in asdict(one).items() if name != "rule"} for one in reason.rules
    ]
    return _plain({**asdict(reason), "rules": rules})


def _rule(rule: RuleConfig) -> dict[str, Any]:
    return rule.model_dump(mode="json")


def _axis(axis: Axis, ids: Any) -> dict[str, Any]:
    bins = axis.histogram
    held, lost, kept = map(list, zip(*bins.counts, strict=True))
    return {
        "rule": axis.rule.name,
        "score": axis.name,
        "kinds": list(axis.kinds),
        "thresholds": [_threshold(one, ids) for one in axis.thresholds],
        "histogram": {
            "low": bins.low,
            "width": bins.width,
            "by_rule": held,
            "dropped_by_others": lost,
            "kept": kept,
            "beneath": bins.beneath,
            "beyond": bins.beyond,
            "infinite": bins.infinite,
        },
        "aside": axis.aside,
        "nulls": axis.nulls,
    }


def _threshold(one: Threshold, ids: Any) -> dict[str, Any]:
    def examples(side: tuple[Example, ...]) -> list[dict[str, Any]]:
        return [{"id": ids[example.row].as_py(), "score": example.score} for example in side]

    return {
        "operator": one.comparison.operator,
        "quantile": one.comparison.bound if one.comparison.quantile else None,
        "value": one.value,
        "below": one.below,
        "above": one.above,
        "nearest_below": examples(one.nearest_below),
        "nearest_above": examples(one.nearest_above),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
