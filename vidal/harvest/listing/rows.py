"""Rows of a table as a source understands them, and what becomes of those that it cannot use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vidal.harvest.candidate import Candidate, safe_id
from vidal.harvest.listing.tables import Row
from vidal.harvest.listing.texts import problems

Model = TypeVar("Model", bound=BaseModel)


def understood(row: Row, model: type[Model], values: Mapping[str, Any]) -> tuple[Model | None, str]:
    """A row's values as `model` has them; None where it cannot be used, with what is wrong with it."""
    if row.problem:
        return None, row.problem
    try:
        return model.model_validate(values), ""
    except ValidationError as error:
        return None, problems(error)


def unusable(row: Row, wrong: str, kind: str, source: str) -> Candidate:
    """The candidate of a row that cannot be used: what is wrong becomes its `url`, which is none, and fails there."""
    return Candidate(safe_id(source, row.place), kind, source, f"{row.place}: {wrong}", row.place)
