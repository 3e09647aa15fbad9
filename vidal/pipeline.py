"""The pipeline file as a whole, and the nodes it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from vidal.caption.config import CaptionConfig
from vidal.engine.config import Section, load
from vidal.engine.errors import ConfigError, VidalError
from vidal.engine.nodes import Node
from vidal.engine.step import Step
from vidal.engine.workspace import Workspace
from vidal.filter.config import FilterConfig
from vidal.generate.config import GenerateConfig
from vidal.harvest.config import HarvestConfig
from vidal.models.options import Options
from vidal.shard.config import ShardConfig
from vidal.terms.config import TermsConfig

STAGES = ("terms", "harvest", "filter", "generate", "caption", "shard")


class RunnerConfig(Section):
    """What runs the steps. It decides speed alone, never a result."""

    kind: Literal["auto", "local", "ray"] = "auto"
    """`local` processes of this machine, `ray`, or by the amount of work."""
    workers: int | None = Field(None, ge=0)
    """Local processes (0: none besides the command), or CPUs of a local Ray; the machine's cores where absent."""
    address: str | None = None
    """Address of a running Ray cluster; makes `auto` choose Ray."""
    ray_above: int = Field(5000, ge=1)
    """Pending samples of a step above which `auto` takes Ray."""


class ResourceConfig(Section):
    """What one worker of a step gets, where it should differ from the step's own figures."""

    cpus: float | None = Field(None, gt=0)
    """CPU cores."""
    gpus: float | None = Field(None, ge=0)
    """Share of a GPU, used where there is one."""
    batch_size: int | None = Field(None, ge=1)
    """Samples per batch."""
    threads: int | None = Field(None, ge=1)
    """Batches processed at once in a worker."""
    workers: int | None = Field(None, ge=1)
    """Most workers."""


class Pipeline(Section):
    """Everything about one dataset build."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    """Name of the dataset."""
    workspace: str
    """Where the build lives: a folder relative to the current one, or an fsspec URL such as `s3://bucket/name`."""
    seed: int = 0
    """Seed of every choice that has one."""
    part_size: int = Field(256, ge=1)
    """Samples that travel together: the unit of work, of commit and of retry."""
    tolerance: float = Field(0.05, ge=0, le=1)
    """Share of a step's samples that may fail before the command ends with exit code 1."""
    runner: RunnerConfig = RunnerConfig()
    resources: dict[str, ResourceConfig] = {}
    """Resources by step name, such as `filter/clip`."""
    terms: TermsConfig = TermsConfig()
    harvest: HarvestConfig
    filter: FilterConfig = FilterConfig()
    generate: GenerateConfig = GenerateConfig()
    caption: CaptionConfig = CaptionConfig()
    shard: ShardConfig = ShardConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Pipeline:
        names = [source.name for source in self.harvest.sources]
        if len(set(names)) < len(names):
            raise ValueError("two sources under harvest.sources have the same name; names make sample ids")
        for over in dict.fromkeys(head.over for head in self.filter.heads):
            if getattr(self.filter, over) is None:
                raise ValueError(f"filter.heads has one over {over}, and there is no filter.{over} to embed anything")
        if self.caption.refine and not self.caption.video:
            raise ValueError("caption.refine needs caption.video: there is no caption to refine")
        return self


def load_pipeline(path: Path, overrides: list[str]) -> Pipeline:
    """The validated pipeline file. Raises ConfigError or MissingError with one line per problem."""
    return load(Pipeline, path, overrides)


def nodes(pipeline: Pipeline, base: Path, until: str = STAGES[-1]) -> list[Node]:
    """The nodes of a build in order, up to the last of the stage `until`. `base` is the folder that relative paths in
    the pipeline file start from."""
    from vidal.filter.stage import filtering
    from vidal.harvest.stage import harvest
    from vidal.shard.write import WriteShards
    from vidal.terms.table import Terms

    found = harvest(pipeline.harvest, base, pipeline.part_size)
    judged = filtering(pipeline.filter, base, found.media, found.admit)
    made = _made(pipeline, base)
    before = [Terms(pipeline.terms, base, pipeline.seed), *found.nodes, *judged.nodes, *made]
    if until != STAGES[-1]:
        return [node for node in before if STAGES.index(node.stage) <= STAGES.index(until)]
    producers = [found.screen, found.media, found.admit, *judged.steps, *made]
    return [*before, WriteShards(pipeline.shard, judged.verdicts, producers, pipeline.seed)]


def _made(pipeline: Pipeline, base: Path) -> list[Step]:
    """The steps of `generate` and `caption` that the pipeline file asks for."""
    from vidal.caption.asked import AskedKeyframes, AskedVideo
    from vidal.caption.keyframes import Keyframes
    from vidal.caption.refine import Refine
    from vidal.caption.video import VideoCaption
    from vidal.generate.depth import Depth
    from vidal.generate.infrared import Infrared

    generate, caption = pipeline.generate, pipeline.caption
    steps: list[Step] = []
    if generate.depth:
        steps.append(Depth(generate.depth))
    if generate.infrared:
        steps.append(Infrared(generate.infrared, pipeline.seed))
    if one := caption.keyframes:
        asks = one.endpoint is not None
        steps.append(AskedKeyframes(one, base, Workspace(pipeline.workspace)) if asks else Keyframes(one, base))
    if one := caption.video:
        asks = one.endpoint is not None
        steps.append(AskedVideo(one, base, Workspace(pipeline.workspace)) if asks else VideoCaption(one, base))
    if caption.refine:
        workspace = Workspace(pipeline.workspace)
        steps.append(Refine(caption.refine, base, workspace, keyframes=caption.keyframes is not None))
    return steps


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that a pipeline file asks for: the key that names it, the role it plays, its name, and what is asked
    of a captioner besides."""

    key: str
    role: str
    name: str
    options: Options | None = None


def checkpoints(pipeline: Pipeline, base: Path) -> list[Checkpoint]:
    """The checkpoints a pipeline file asks for, in the order of its stages. `base` is the folder that relative paths in
    the pipeline file start from."""
    from vidal.caption.shown import options_of

    asked = [
        ("filter.clip", "clip", pipeline.filter.clip),
        ("filter.clap", "clap", pipeline.filter.clap),
        ("filter.tagger", "audio_tagger", pipeline.filter.tagger),
        ("filter.overlay", "text_detector", pipeline.filter.overlay),
        *((f"filter.heads.{number}", "head", head) for number, head in enumerate(pipeline.filter.heads)),
        ("generate.depth", "depth", pipeline.generate.depth),
        ("generate.infrared", "infrared", pipeline.generate.infrared),
    ]
    captioners = [
        ("caption.keyframes", "captioner", pipeline.caption.keyframes),
        ("caption.video", "video_captioner", pipeline.caption.video),
    ]
    return [
        *(Checkpoint(f"{key}.checkpoint", role, config.checkpoint) for key, role, config in asked if config),
        *(
            Checkpoint(f"{key}.checkpoint", role, config.checkpoint, options_of(config, base))
            for key, role, config in captioners
            if config and config.checkpoint
        ),
    ]


@dataclass(frozen=True)
class Endpoint:
    """A server that a pipeline file asks: the key of its section, the role it plays, its address, the model there, and
    the environment variable with its key."""

    key: str
    role: str
    url: str
    name: str
    api_key_env: str


def endpoints(pipeline: Pipeline) -> list[Endpoint]:
    """The endpoints a pipeline file asks, in the order of its stages."""
    keyframes, video, refine = pipeline.caption.keyframes, pipeline.caption.video, pipeline.caption.refine
    asked = [
        ("caption.keyframes.endpoint", "captioner", keyframes and keyframes.endpoint),
        ("caption.video.endpoint", "video_captioner", video and video.endpoint),
        ("caption.refine", "refine", refine),
    ]
    return [Endpoint(key, role, config.url, config.model, config.api_key_env) for key, role, config in asked if config]


def check_checkpoints(pipeline: Pipeline, base: Path, until: str) -> None:
    """Raise MissingError, naming the key, for a checkpoint of a stage up to `until` that is nowhere, and ConfigError
    for an option that it does not know; one not yet fetched from a hub passes."""
    from vidal.models import resolve

    for checkpoint in checkpoints(pipeline, base):
        if STAGES.index(checkpoint.key.partition(".")[0]) > STAGES.index(until):
            return
        try:
            found = resolve(checkpoint.name)
            if checkpoint.options and isinstance(found, Path):
                checkpoint.options.check(checkpoint.name, found)
        except VidalError as error:
            raise type(error)(f"{checkpoint.key}: {error}") from error


def check_sources(pipeline: Pipeline, base: Path) -> None:
    """Raise ConfigError, naming the key, for a folder or a list that is absent, unreadable or empty."""
    from vidal.harvest.sources import open_source

    for number, source in enumerate(pipeline.harvest.sources):
        try:
            open_source(source, base).check()
        except ConfigError as error:
            raise ConfigError(f"harvest.sources.{number}: {error}") from error
