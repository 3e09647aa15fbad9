"""Where media come from: one class per site behind one interface, registered by the `type` of its section.

A module of this package, or of another that names itself under the entry points `vidal.sources`, holds a section of
the pipeline file and the class that it configures. Nothing else knows of it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from importlib.metadata import entry_points
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from vidal.engine.config import Section
from vidal.engine.errors import ConfigError
from vidal.harvest.candidate import Candidate

if TYPE_CHECKING:
    from vidal.harvest.network.client import Network

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,30}$",
        description="How the source is named; the first part of every sample's id.",
    ),
]


class Declined(Exception):
    """What a site says of a clip on its own page breaks a rule: nothing of its media is fetched."""

    def __init__(self, rule: str, facts: Mapping[str, Any]) -> None:
        super().__init__(rule)
        self.rule = rule
        self.facts = facts


@dataclass(frozen=True)
class Order:
    """What a source is asked to fetch: the media of `kind` behind `url`, at most `max_bytes`, into `folder`, where an
    earlier attempt may have left a part. Pictures need no more than `short_side` pixels. `rule` names the rule that
    facts told on the way break, or gives None."""

    url: str
    kind: str
    folder: Path
    max_bytes: int
    short_side: int = 256
    rule: Callable[[Mapping[str, Any]], str | None] = lambda facts: None

    def admit(self, facts: Mapping[str, Any]) -> None:
        """Raise Declined where facts of a candidate (columns of CANDIDATE_COLUMNS) break a rule."""
        if rule := self.rule(facts):
            raise Declined(rule, facts)


@dataclass(frozen=True)
class Fetched:
    """The media as one file, and what was learnt of it on the way: columns of CANDIDATE_COLUMNS."""

    path: Path
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """A piece of what a source lists, by a `name` of its own; `revision` changes when its content does."""

    name: str
    revision: str


class Source:
    """A site, a folder or a file. `searches` is what it is asked for once per term, `video` or `audio`; None for what
    is listed, slice by slice. `per_hour` is how many media its site gives one address in an hour, where it is known."""

    name: str
    searches: str | None = None
    per_hour: float | None = None

    def check(self) -> None:
        """Raise ConfigError, naming the place, where what would be listed is absent or unreadable."""

    def listed(self) -> Iterator[Slice]:
        """The slices of a source that is listed, in order."""
        return iter(())

    def search(self, query: str) -> Iterator[Candidate]:
        """Candidates for a term, or those of a slice. Raises TransientError or SampleError."""
        raise NotImplementedError

    def fetch(self, order: Order) -> Fetched:
        """The candidate's media. Raises TransientError, SampleError or Declined."""
        raise NotImplementedError


T = TypeVar("T", bound=type)
_registry: dict[type[Section], Callable[..., Source]] = {}


def source_of(section: type[Section]) -> Callable[[T], T]:
    """Register a source class for the section that configures it. It is made of the section, the folder that relative
    paths start from, and the network (None where it is only asked for its revision, or needs none)."""

    def register(cls: T) -> T:
        _registry[section] = cls
        return cls

    return register


@cache
def sections() -> Any:
    """The union of the sections of all sources, told apart by their `type`."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    for entry in entry_points(group="vidal.sources"):
        try:
            entry.load()
        except ImportError as error:
            raise ConfigError(f"the source {entry.name} ({entry.value}) cannot be loaded: {error}") from error
    return Annotated[reduce(or_, _registry), Field(discriminator="type")]


def open_source(config: Section, base: Path, network: Network | None = None) -> Source:
    """The source a section describes; paths in it are relative to `base`."""
    return _registry[type(config)](config, base, network)
