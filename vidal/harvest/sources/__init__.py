"""Where media come from: one class per site behind one interface, registered by the `type` of its section."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from vidal.engine.config import Section
from vidal.harvest.candidate import Candidate


class Source(Protocol):
    """A site or a folder. `searches` is what it is asked for once per term, `video` or `audio`; None for what is listed
    once in all (with no term)."""

    name: str
    searches: str | None

    def revision(self) -> str | None:
        """What changes when a listing source should be read again; None for sites, which are asked once per term."""
        ...

    def search(self, term: str | None) -> Iterator[Candidate]:
        """Candidates for a term. Raises TransientError or SampleError."""
        ...

    def fetch(self, url: str, kind: str, folder: Path, max_bytes: int, timeout: float) -> Path:
        """The candidate's media as one file, in `folder` unless it already lies on this machine.

        `timeout` bounds connecting and each read, in seconds. Raises TransientError or SampleError.
        """
        ...


T = TypeVar("T", bound=type)
REGISTRY: dict[type[Section], Callable[[Section, Path], Source]] = {}


def source_of(section: type[Section]) -> Callable[[T], T]:
    """Register a source class for the section that configures it."""

    def register(cls: T) -> T:
        REGISTRY[section] = cls
        return cls

    return register


def open_source(config: Section, base: Path) -> Source:
    """The source a section describes; paths in it are relative to `base`."""
    from vidal.harvest.sources import freesound, local, peertube  # noqa: F401

    return REGISTRY[type(config)](config, base)
