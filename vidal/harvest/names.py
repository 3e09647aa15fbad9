"""The names a clip or a sound goes by, for those who ask that it be taken down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vidal.engine.errors import ConfigError
from vidal.engine.forgotten import Forgotten
from vidal.harvest.candidate import safe_id, storable
from vidal.harvest.screening.addresses import address
from vidal.harvest.screening.deny import names_uploader


def of_entry(entry: str) -> frozenset[str]:
    """What an entry of a take-down may stand for, as the deny-list reads it: a sample's id, a site's own id (at
    whatever source), the address of a clip. Raises ConfigError for one that names an uploader or is no text."""
    if names_uploader(entry):
        raise ConfigError(f"{entry} names an uploader, not a sample; deny uploaders under harvest.screen.deny")
    if storable(entry) != entry:
        raise ConfigError(f"{entry!r} is no Unicode text, and so no name of a sample")
    called = {entry, safe_id("", entry), address(entry) if "/" in entry else ""}
    return frozenset(called - {""})


def of_candidate(id_: str, url: str | None) -> Iterator[str]:
    """The names by which an entry may mean this sample."""
    yield id_
    yield f"_{id_.partition('_')[2]}"
    if url:
        yield address(url)


def lasting(id_: str, url: str | None) -> Iterator[str]:
    """The names that keep a sample out: its id, and the address of its page under any other id. The name of a file in
    a folder is no address."""
    yield id_
    if url and "://" in url:
        yield address(url)


def without(candidates: Iterable[Mapping[str, Any]], forgotten: Forgotten) -> list[Mapping[str, Any]]:
    """The candidates that are not forgotten under any of their names."""
    if not forgotten.names:
        return list(candidates)
    return [
        candidate
        for candidate in candidates
        if not any(name in forgotten for name in of_candidate(candidate["id"], candidate["url"]))
    ]
