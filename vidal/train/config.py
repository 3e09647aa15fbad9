"""The training file: what is trained, on what, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from vidal.engine.config import Section
from vidal.engine.errors import ConfigError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class StartConfig(Section):
    """What the towers begin from: exactly one of the two."""

    clip: str | None = None
    """A CLIP, named as in `filter.clip.checkpoint`: towers begin as the original's do."""
    checkpoint: str | None = None
    """A LanguageBind checkpoint in the published layout: a folder or a Hugging Face id. Its `config.json` decides the
    tower, and `tower` is left out."""

    @model_validator(mode="after")
    def _one(self) -> StartConfig:
        if (self.clip is None) is (self.checkpoint is None):
            raise ValueError("start names either a clip or a checkpoint")
        return self


class TowerSection(Section):
    """How the modality's tower differs from the CLIP it begins from. What is left out is as the modality says."""

    lora_r: int | None = Field(None, ge=0)
    """Rank of LoRA; 0: none."""
    lora_alpha: int | None = Field(None, ge=1)
    """LoRA's product counts `lora_alpha / lora_r` times."""
    lora_dropout: float | None = Field(None, ge=0, lt=1)
    """Share of LoRA's inputs that training leaves out."""
    patch_dropout: float | None = Field(None, ge=0, lt=1)
    """Share of the patches that training leaves out, the same ones of all frames of a clip."""
    add_time_attn: bool | None = None
    """Attention over time in every layer."""
    num_frames: int | None = Field(None, ge=1)
    """Frames of a clip."""
    class_token_per_frame: bool | None = None
    """A class token for each frame, and a patch embedding in three dimensions: version 1.5 of the original's video."""
    num_mel_bins: int | None = Field(None, ge=1)
    """Rows of a spectrogram."""
    target_length: int | None = Field(None, ge=1)
    """Columns of a spectrogram, of 10 ms each."""


class DataConfig(Section):
    """A set of shards."""

    shards: str
    """A folder of shards, a pattern such as `shards/train-{000000..000123}.tar`, or an fsspec URL of either."""
    weight: float = Field(1.0, gt=0)
    """How often its samples are drawn against those of the other sets, for its size."""


class OptimiserConfig(Section):
    """AdamW and its schedule."""

    lr: float = Field(gt=0)
    """The highest learning rate."""
    coef_lr: float = Field(1.0, gt=0)
    """What it is multiplied by outside LoRA."""
    compat: bool = False
    """Ignore `coef_lr`, as the original does: its scheduler gives every group the same rate."""
    betas: tuple[float, float] = (0.9, 0.98)
    """Decay of the moments."""
    eps: float = Field(1e-6, gt=0)
    """Added to the denominator."""
    weight_decay: float = Field(0.2, ge=0)
    """Of weights of two or more dimensions."""
    warmup: int = Field(0, ge=0)
    """Steps over which the rate grows."""
    clip_norm: float | None = Field(None, gt=0)
    """Where the norm of all gradients is cut."""


class CheckpointConfig(Section):
    """What is kept of a run."""

    every: int = Field(1000, ge=1)
    """Steps between two checkpoints."""
    keep: int = Field(3, ge=1)
    """How many are kept, the newest ones."""


class TrainConfig(Section):
    """Everything about one training."""

    begin_with = "write one with `vidal init train/NAME`"

    name: Name
    """Name of the training."""
    out: str
    """The folder of its checkpoints and records, relative to the current one."""
    modality: str
    """What is bound to language: `image`, `video`, `audio`, `depth`, `thermal`, or one of your own."""
    start: StartConfig
    tower: TowerSection = TowerSection()
    tuning: Literal["lora", "attention", "full"] = "lora"
    """What is trained: `lora`; `attention`, the original's full tuning (attention over time, or else over places); or
    `full`, the whole tower. Text is never trained."""
    data: Annotated[list[DataConfig], Field(min_length=1)]
    """The shards, of one build or of several."""
    text: str = "polish_mplug"
    """The view each sample is bound to, or `mix`: the original's weighted choice among all of them."""
    missing_text: Literal["skip", "txt"] = "skip"
    """What becomes of a sample without that view: it is skipped and counted, or bound to its `txt`."""
    compat_text: bool = False
    """Clean titles as the original does, which deletes inside words and loses those that are not in Latin letters."""
    text_length: int = Field(77, ge=4)
    """Tokens of a text, start and end included; where the CLIP has room for fewer, that many."""
    batch_size: int = Field(ge=1)
    """Samples of a micro-batch of each process."""
    accumulate: int = Field(1, ge=1)
    """Micro-batches of a step; all are each other's negatives."""
    epochs: int = Field(1, ge=1)
    """Passes over the data."""
    steps: int | None = Field(None, ge=1)
    """Steps in all, in place of `epochs`."""
    optimiser: OptimiserConfig
    local_loss: bool = False
    """Each process compares its own samples with all, in place of all with all."""
    gather_with_grad: bool = True
    """Let gradients flow to the samples of other processes: those of several processes are then those of one with the
    whole batch. Without, as the original has it, all but the temperature's are divided by the number of processes."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the forward pass; weights stay in float32."""
    gradient_checkpointing: bool = False
    """Compute the insides of layers anew on the way back: less memory, more time."""
    compile: bool = False
    """Have torch compile the model."""
    workers: int = Field(4, ge=0)
    """Processes that load data, for each process that trains."""
    seed: int = 0
    """Seed of everything that is drawn."""
    checkpoints: CheckpointConfig = CheckpointConfig()
    log_every: int = Field(10, ge=1)
    """Steps between two lines and two points of a curve."""

    @field_validator("modality")
    @classmethod
    def _known(cls, name: str) -> str:
        from vidal.train.modalities import modality

        return _checked(modality, name)

    @field_validator("text")
    @classmethod
    def _a_view(cls, name: str) -> str:
        from vidal.train.data.texts import text_policy

        return _checked(text_policy, name)

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        if self.start.checkpoint and self.tower.model_dump(exclude_none=True):
            raise ValueError("start.checkpoint brings its own tower; leave `tower` out")
        if self.tuning == "lora" and self.tower.lora_r == 0:
            raise ValueError("tuning lora needs tower.lora_r of 1 or more")
        if self.tuning != "lora" and self.tower.lora_r:
            raise ValueError(f"tuning {self.tuning} trains the weights themselves; leave tower.lora_r out")
        return self


def _checked(check: Callable[[str], Any], name: str) -> str:
    """The name, if what knows it takes it."""
    try:
        check(name)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return name
