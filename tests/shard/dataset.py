"""A small dataset with planted trouble: real clips and sounds of demo scenes, built by the real steps.

Depth, infrared and captions are the scenes' own truth, so that no checkpoint is loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vidal.demo import language
from vidal.demo.clips import write_sound
from vidal.demo.render import render
from vidal.demo.scene import Scene, scene
from vidal.demo.sound import waveform
from vidal.engine.attempt import Retry
from vidal.engine.build import Build, Options
from vidal.engine.config import Section
from vidal.engine.errors import SampleError
from vidal.engine.nodes import Context, Node, Summary
from vidal.engine.progress import Lines
from vidal.engine.runners.local import LocalRunner
from vidal.engine.runs import RunRecord, new_id
from vidal.engine.step import Read, Result, Sample, Step
from vidal.engine.workspace import Workspace
from vidal.filter.config import FilterConfig, RuleConfig
from vidal.filter.duplicates.config import DuplicatesConfig
from vidal.filter.duplicates.table import Duplicates
from vidal.filter.quality import Quality
from vidal.filter.scores import Scores
from vidal.filter.sound import Sound
from vidal.filter.verdicts import FilterVerdicts
from vidal.harvest.config import HarvestConfig, MediaConfig
from vidal.harvest.screening.config import ScreenConfig
from vidal.harvest.sources.local import LocalConfig
from vidal.harvest.stage import harvest
from vidal.media.depth_png import encode_depth
from vidal.media.images import encode_jpeg
from vidal.media.write import write_clip
from vidal.shard.config import ShardConfig
from vidal.shard.write import WriteShards
from vidal.terms.config import TermsConfig
from vidal.terms.table import Terms

CLIPS, SOUNDS = 5, 3
MUTE, UNSEEN, UNSCORED = 2, 9, 10
"""The scene whose clip has no sound, and those whose depth and whose score fail."""
FATES = {
    "broken.mp4": ("failed", "harvest/media", "Truncated"),
    "copy.mp4": ("dropped", "filter/verdicts", "duplicate"),
    "still-7.mp4": ("dropped", "filter/verdicts", "still"),
    "unscored-10.mp4": ("dropped", "filter/verdicts", "disagreeing"),
    "unseen-9.mp4": ("failed", "generate/depth", "NoDepth"),
    "word-8.mp4": ("rejected", "harvest/screen", "title_words"),
}
"""What becomes of the files that are not kept: status, step and reason."""
RULES = (
    *FilterConfig().rules,
    RuleConfig(name="disagreeing", where="agreement < 0", kinds=("video",), missing="drop"),
)
SIDE, FPS, SECONDS = 64, 8, 2.0


def scene_of(url: str) -> Scene:
    """The scene a file is named after, small and short."""
    number = int(re.search(r"\d+", url)[0])
    return replace(scene(3, number), width=SIDE * 4 // 3 // 2 * 2, height=SIDE, fps=FPS, seconds=SECONDS)


class Truth(Step):
    """A step that reads a clip's name and the instants of its keyframes, and answers from the scene."""

    kinds = frozenset({"video"})
    reads = (Read("harvest/media", ("frame_seconds",), ("frm*.jpg",)), Read("harvest/candidates", ("url",)))
    gate = "filter/verdicts"

    def __init__(self, checkpoint: str = "truth") -> None:
        self.checkpoint = checkpoint

    def settings(self) -> Mapping[str, Any]:
        return {"checkpoint": self.checkpoint}

    def process(self, samples: Sequence[Sample]) -> list[Result]:
        return [self.told(sample, scene_of(sample.columns["url"])) for sample in samples]

    def told(self, sample: Sample, truth: Scene) -> Result:
        raise NotImplementedError


class Score(Truth):
    name = "filter/score"
    gate = None
    columns = {"agreement": pa.float32()}

    def told(self, sample: Sample, truth: Scene) -> Result:
        if truth.index == UNSCORED:
            raise SampleError("NoScore", "nothing to agree with")
        return sample.ok({"agreement": truth.light})


class Depth(Truth):
    name = "generate/depth"
    columns = {"depth_kind": pa.string(), "depth_scale": pa.float64(), "depth_offset": pa.float64()}
    members = ("dep*.png",)

    def told(self, sample: Sample, truth: Scene) -> Result:
        if truth.index == UNSEEN:
            raise SampleError("NoDepth", "nothing to be seen")
        maps = [render(truth, t).depth_mm for t in sample.columns["frame_seconds"]]
        members = {f"dep{number}.png": encode_depth(depth) for number, depth in enumerate(maps)}
        return sample.ok({"depth_kind": "metric", "depth_scale": 0.001, "depth_offset": 0.0}, members)


class Infrared(Truth):
    name = "generate/infrared"
    members = ("tml*.jpg",)

    def told(self, sample: Sample, truth: Scene) -> Result:
        heat = [np.clip(render(truth, t).celsius * 3 + 40, 0, 255) for t in sample.columns["frame_seconds"]]
        pictures = [np.repeat(level.astype(np.uint8)[..., None], 3, axis=2) for level in heat]
        return sample.ok(members={f"tml{number}.jpg": encode_jpeg(picture) for number, picture in enumerate(pictures)})


class Captions(Truth):
    name = "caption/refine"
    columns = {
        "ofa": pa.list_(pa.string()),
        "mplug": pa.string(),
        "polish_mplug": pa.string(),
        "sound_mplug": pa.string(),
        "prompt_tokens": pa.int64(),
        "answer_tokens": pa.int64(),
    }

    def told(self, sample: Sample, truth: Scene) -> Result:
        views = {
            "ofa": [language.frame_caption(truth)] * len(sample.columns["frame_seconds"]),
            "mplug": language.caption(truth),
            "polish_mplug": f"Refined: {language.caption(truth)}",
            "sound_mplug": language.sound_caption(truth),
        }
        return sample.ok({**views, "prompt_tokens": 11, "answer_tokens": 7})


@dataclass(frozen=True)
class Dataset:
    """A build over a folder of media: `kept` names the files that belong into the shards. Another `source` may list
    them, and bring the captions that are not `captioned` here."""

    workspace: Workspace
    media: Path
    kept: frozenset[str]
    source: Section | None = None
    captioned: bool = True

    def nodes(self, shard: ShardConfig, rules: Sequence[RuleConfig] = RULES, checkpoint: str = "truth") -> list[Node]:
        config = HarvestConfig(
            sources=(self.source or LocalConfig(type="local", name="clips", path=str(self.media)),),
            screen=ScreenConfig(words_or_hashtags=False),
            media=MediaConfig(short_side=SIDE),
        )
        found = harvest(config, self.media, 4)
        steps = (Quality(), Sound(), Score())
        made = (Depth(checkpoint), Infrared(), *([Captions()] if self.captioned else []))
        scores = Scores(found.media, found.admit, steps)
        duplicates = Duplicates(DuplicatesConfig(perceptual=None), self.media, None, None, None)
        verdicts = FilterVerdicts(rules, scores)
        judged = (*steps, scores, duplicates, verdicts)
        producers = [found.screen, found.media, found.admit, Quality(), Sound(), *made]
        write = WriteShards(shard, verdicts, producers, seed=5)
        return [Terms(TermsConfig(), self.media, 5), *found.nodes, *judged, *made, write]

    def build(self, shard: ShardConfig, **settings: Any) -> Build:
        """Run everything to its end in this process, and return the build."""
        build = Build(self.workspace, self.nodes(shard, **settings), Options(retry=Retry(attempts=1)))
        record = RunRecord(self.workspace, new_id(), {}, ["test"])
        try:
            build.run(lambda pending: LocalRunner(0), Lines(lambda line: None), record)
        finally:
            record.close()
        return build

    def write(
        self, workspace: Workspace, shard: ShardConfig, runner: LocalRunner | None = None, **settings: Any
    ) -> Summary:
        """Run the last step alone over a copy of the workspace."""
        build = Build(workspace, self.nodes(shard, **settings), Options())
        return build.nodes[-1].run(Context(workspace, build.fingerprints, runner or LocalRunner(0)))


SHARDS = ShardConfig(samples=3)
TARS = ("vidal-000000.tar", "vidal-000001.tar", "vidal-audio-000000.tar")
"""The shards this makes: three clips and two, and three sounds."""


@cache
def dataset(folder: Path) -> tuple[Dataset, Build]:
    """The dataset as built under `folder`, once per session; tests that change something copy it first."""
    media = folder / "media"
    kept = write_media(media)
    made = Dataset(Workspace(str(folder / "workspace")), media, frozenset(kept))
    return made, made.build(SHARDS)


def write_media(folder: Path) -> list[str]:
    """Write clips, sounds and planted trouble with their texts; returns the names of the good ones."""
    folder.mkdir(parents=True)
    for number in range(CLIPS):
        _clip(folder / f"clip-{number}.mp4", sound=number != MUTE)
    for number in range(CLIPS, CLIPS + SOUNDS):
        write_sound(folder / f"sound-{number}.ogg", waveform(scene_of(f"{number}"), 48000), 48000)
        _tell(folder / f"sound-{number}.ogg", language.sound_title(scene_of(f"{number}")))
    kept = sorted(path.name for path in folder.iterdir() if path.suffix != ".json")
    _clip(folder / "still-7.mp4", still=True)
    _clip(folder / "word-8.mp4", title="Word")
    _clip(folder / f"unseen-{UNSEEN}.mp4")
    _clip(folder / f"unscored-{UNSCORED}.mp4")
    whole = (folder / "clip-1.mp4").read_bytes()
    for name, content in (("copy.mp4", whole), ("broken.mp4", whole[: len(whole) * 6 // 10])):
        (folder / name).write_bytes(content)
        _tell(folder / name, "Another upload of the clip")
    return kept


def _clip(path: Path, sound: bool = True, still: bool = False, title: str | None = None) -> None:
    truth = scene_of(path.name)
    frames = (render(truth, 0.0 if still else number / FPS).rgb for number in range(truth.frames))
    write_clip(path, frames, FPS, waveform(truth) if sound else None)
    _tell(path, title or language.title(truth), hashtags=language.hashtags(truth), licence="CC0-1.0")


def _tell(path: Path, title: str, **texts: Any) -> None:
    path.with_suffix(".json").write_text(json.dumps({"title": title, **texts}))


def files(workspace: Workspace) -> dict[str, bytes]:
    """All of `shards/` by name."""
    return {name: workspace.read_bytes(f"shards/{name}") for name in workspace.list("shards")}
