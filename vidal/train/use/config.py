"""The evaluation file: which models are measured, and on what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from vidal.engine.config import Section
from vidal.train.evaluate.benchmark import Classification


class BenchmarkTask(Section):
    """A benchmark of `manifests/benchmarks`, or of a YAML file like those."""

    type: Literal["benchmark"]
    """The kind of task."""
    name: str
    """The benchmark's name, or the path of its YAML."""
    folder: str
    """The folder with its data."""


class RetrievalTask(Section):
    """Texts and samples of shards find each other."""

    type: Literal["retrieval"]
    """The kind of task."""
    shards: str
    """A folder of shards, a pattern, or an fsspec URL of either."""
    modality: str
    """What of a sample is looked at."""
    text: str = "txt"
    """The text view it is looked for by."""
    among: int | None = Field(None, ge=2)
    """Among how many samples each is looked for: the set is cut, in its order, into groups of so many, and what is left
    over is not asked for. All of them where absent."""


class ClassesTask(Classification):
    """Samples of shards find their class. `label` is a field of a sample's JSON, with dots for fields inside fields."""

    type: Literal["classes"]
    """The kind of task."""
    shards: str
    """A folder of shards, a pattern, or an fsspec URL of either."""
    modality: str
    """What of a sample is looked at."""
    labels: str | None = None
    """A CSV with a column `key` and one named as `label` says, in place of the samples' JSON."""

    @model_validator(mode="after")
    def _one_view(self) -> ClassesTask:
        if self.views != 1:
            raise ValueError("samples of shards are seen in one view; leave `views` out")
        return self


Task = Annotated[BenchmarkTask | RetrievalTask | ClassesTask, Field(discriminator="type")]


class EvalConfig(Section):
    """Everything about one evaluation. Paths are relative to the current folder."""

    begin_with = "docs/evaluation.md shows one"

    models: Annotated[dict[str, str], Field(min_length=1)]
    """By modality the model: a folder that `vidal train` wrote, LanguageBind's own by folder or Hugging Face id, or a
    CLIP, named as in `filter.clip.checkpoint`."""
    baseline: str | None = None
    """A CLIP that is measured on the same inputs, such as the one that training began from."""
    device: str = "auto"
    """`auto` (CUDA where visible), `cpu` or `cuda`."""
    measure: Annotated[list[Task], Field(min_length=1)]
    """What is measured, in order."""

    @model_validator(mode="after")
    def _with_models(self) -> EvalConfig:
        for task in self.measure:
            if not isinstance(task, BenchmarkTask) and task.modality not in self.models:
                raise ValueError(f"a task looks at {task.modality}, for which `models` names no model")
        return self
