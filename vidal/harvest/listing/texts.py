"""The texts that come with a file or an address, in a sidecar or in a row of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError


def _listed(value: Any) -> Any:
    """The elements of a list that a cell of text holds in JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return [value]
    return [value] if isinstance(value, str) else value


def _tags(value: Any) -> Any:
    """Hashtags of one text, split where there are blanks or commas."""
    listed = _listed(value)
    return value.replace(",", " ").split() if listed == [value] else listed


class Texts(BaseModel):
    """What is told of a clip or a sound; keys that are not known are for others."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    title: str | None = None
    hashtags: Annotated[tuple[str, ...], BeforeValidator(_tags)] = ()
    description: str | None = None
    captions: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    licence: str | None = None
    uploader: str | None = None

    def tags(self, found: Iterable[str]) -> tuple[str, ...]:
        """Hashtags found elsewhere, then the given ones, without `#` and once each."""
        return tuple(dict.fromkeys((*found, *(tag.lstrip("#") for tag in self.hashtags))))


def problems(error: ValidationError) -> str:
    """What is wrong with given texts, in one line."""
    return "; ".join(": ".join([*map(str, problem["loc"]), problem["msg"]]) for problem in error.errors())
