"""What the columns of a table of texts are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vidal.engine.config import Section


class TextColumns(Section):
    """The columns of texts; a table need not have them."""

    title: str = "title"
    """Title, with or without hashtags; where it has none, the first caption is the title."""
    hashtags: str = "hashtags"
    """Hashtags, as a list, in JSON or with blanks between them."""
    description: str = "description"
    """Description."""
    captions: str = "captions"
    """A caption, or a list of some, in JSON where cells are texts."""
    licence: str = "licence"
    """Licence, by SPDX identifier, address or label."""
    uploader: str = "uploader"
    """Who uploaded it."""


def renamed(values: Mapping[str, Any], columns: TextColumns) -> dict[str, Any]:
    """The values of a row by what they are."""
    return {what: values[name] for what, name in columns.model_dump().items() if name in values}
