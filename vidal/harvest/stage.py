"""The nodes of the stage, in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vidal.engine.nodes import Node
from vidal.harvest.admit import Admit
from vidal.harvest.config import HarvestConfig
from vidal.harvest.media import Media
from vidal.harvest.screen import Screen
from vidal.harvest.search import Search
from vidal.harvest.spines import Candidates, Queries
from vidal.harvest.uploaders import Uploaders


@dataclass(frozen=True)
class Harvest:
    """The harvest's nodes by what they are."""

    queries: Queries
    search: Search
    candidates: Candidates
    screen: Screen
    media: Media
    admit: Admit

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (self.queries, self.search, self.candidates, self.screen, self.media, self.admit)


def harvest(config: HarvestConfig, base: Path, part_size: int) -> Harvest:
    """The nodes of a section `harvest`; relative paths in it start from `base`."""
    uploaders = Uploaders(config.uploaders)
    return Harvest(
        queries=Queries(config.sources, base, part_size),
        search=Search(config, base),
        candidates=Candidates(part_size, config.rank),
        screen=Screen(config.screen, base, uploaders),
        media=Media(config, base),
        admit=Admit(config.screen, base, uploaders),
    )
