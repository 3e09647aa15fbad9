"""What is measured upon: items, and the texts or classes they belong to. Benchmarks are read into this; so may be
anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Media:
    """A file to embed. `seconds` bounds what is looked at, from and to; all of it where none.

    `view` is (k, n): the k-th, from 0, of n views of the file, which are averaged. n is 1 but for benchmarks that say
    `views`; there view k shows moment k // 3 of n // 3 and crop k % 3 of three.
    """

    path: Path
    seconds: tuple[float, float] | None = None
    view: tuple[int, int] = (0, 1)


@dataclass(frozen=True)
class Items:
    """Items by their ids, and for each modality what stands for them, in the same order.

    With `views` above 1, for classification, each modality has as many media for every item, next to each other.
    `missing` counts the items that were left out because a file of theirs was not there.
    """

    ids: tuple[str, ...]
    media: Mapping[str, Sequence[Any]]
    views: int = 1
    missing: int = 0


@dataclass(frozen=True)
class Captioned:
    """Items with texts: text i is one of item `owners[i]`."""

    items: Items
    texts: tuple[str, ...] = ()
    owners: tuple[int, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """Items with classes: `labels[i]` are the places of item i's classes among the names in `classes`."""

    items: Items
    classes: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...]
