"""The nodes of the stage, in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vidal.engine.nodes import Node
from vidal.engine.step import Step
from vidal.filter.clap import ClapScore
from vidal.filter.clip import ClipScore
from vidal.filter.config import FilterConfig
from vidal.filter.duplicates.table import Duplicates
from vidal.filter.hashes import FrameHashes
from vidal.filter.heads import Heads
from vidal.filter.overlay import Overlay
from vidal.filter.quality import Quality
from vidal.filter.scores import Scores
from vidal.filter.sound import Sound
from vidal.filter.tagger import Tagger
from vidal.filter.text import TextScore
from vidal.filter.verdicts import FilterVerdicts


@dataclass(frozen=True)
class Filter:
    """The filter's nodes by what they are. `steps` compute scores, hashes and embeddings, a sample at a time."""

    steps: tuple[Step, ...]
    scores: Scores
    duplicates: Duplicates
    verdicts: FilterVerdicts

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (*self.steps, self.scores, self.duplicates, self.verdicts)


def filtering(config: FilterConfig, base: Path, media: Step, admit: Step) -> Filter:
    """The nodes of a section `filter`, over the media of a harvest and its last word on each sample; relative paths in
    it start from `base`. Raises ConfigError for a rule that is none."""
    clip = ClipScore(config.clip) if config.clip else None
    clap = ClapScore(config.clap) if config.clap else None
    hashes = FrameHashes() if config.duplicates.perceptual else None
    heads = [Heads(over, [head for head in config.heads if head.over == over]) for over in ("clip", "clap")]
    found = (
        TextScore(config.text, base),
        Quality(),
        Sound(),
        clip,
        clap,
        *(step for step in heads if step.heads),
        Overlay(config.overlay) if config.overlay else None,
        Tagger(config.tagger) if config.tagger else None,
        hashes,
    )
    steps = tuple(step for step in found if step)
    scores = Scores(media, admit, steps)
    duplicates = Duplicates(config.duplicates, base, hashes, clip, clap)
    return Filter(steps, scores, duplicates, FilterVerdicts(config.rules, scores))
