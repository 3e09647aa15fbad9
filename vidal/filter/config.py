"""The `filter` section of the pipeline file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from vidal.engine.config import Section
from vidal.filter.duplicates.config import DuplicatesConfig


class ModelConfig(Section):
    """A model by the name of its checkpoint."""

    checkpoint: str
    """A Hugging Face id, a path, or `demo:NAME`."""


class TextConfig(Section):
    """Scores of titles and hashtags."""

    boilerplate: str = "vidal:manifests/boilerplate.txt"
    """Words counted as boilerplate, one per line."""
    unsafe_words: str = "vidal:manifests/unsafe-words.txt"
    """Words and phrases counted as unsafe, one per line."""


class ClipConfig(ModelConfig):
    """Agreement of keyframes with title and terms, by any CLIP of open_clip."""

    checkpoint: str
    """A Hugging Face id or a folder with an `open_clip_config.json`, `open_clip:ARCHITECTURE:TAG` as open_clip lists
    them, `open_clip:ARCHITECTURE:FILE` for weights of one's own, or `demo:NAME`."""
    compile: bool = False
    """Whether torch compiles the picture tower first: slower to start, faster on a GPU. It needs a C compiler."""


class HeadConfig(Section):
    """A linear head over the embeddings of `clip` or `clap`, such as an aesthetic or a safety score."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """How the score is named."""
    over: Literal["clip", "clap"] = "clip"
    """Whose embeddings it is over."""
    checkpoint: str
    """A file of weights, safetensors or PyTorch's, with `weight` [1, width] and `bias` [1], or a folder or Hugging Face
    id with one."""


class RuleConfig(Section):
    """One rule. Rules are tried in order; the first `drop` or `keep` that holds decides."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """How the rule is named in counts and verdicts."""
    where: str
    """A DuckDB SQL condition over the scores, such as `clip_title < 0.18`."""
    action: Literal["drop", "keep", "flag"] = "drop"
    """Drop the sample, keep it whatever later rules say, or only mark it."""
    kinds: tuple[Literal["video", "audio"], ...] = Field(("video", "audio"), min_length=1)
    """The kinds of samples the rule is for."""
    missing: Literal["keep", "drop"] = "keep"
    """Whether a sample passes a `drop` rule, or is dropped by it, where the condition cannot be told, since a score it
    needs is null or has failed."""

    @model_validator(mode="after")
    def _consistent(self) -> RuleConfig:
        if self.missing == "drop" and self.action != "drop":
            raise ValueError(f"missing: drop is for rules that drop, and this one says {self.action}")
        return self


class FilterConfig(Section):
    """Scores to compute, and the rules over them. A score's section left out is a score not computed."""

    text: TextConfig = TextConfig()
    clip: ClipConfig | None = None
    clap: ModelConfig | None = None
    """Agreement of sound with title and terms, by any CLAP of `transformers`."""
    heads: tuple[HeadConfig, ...] = ()
    """Linear heads over embeddings."""
    tagger: ModelConfig | None = None
    """An audio classifier of `transformers` with AudioSet's labels: shares of speech and of music."""
    overlay: ModelConfig | None = None
    """A detector of text in pictures: the share of the picture that is written over."""
    duplicates: DuplicatesConfig = DuplicatesConfig()
    rules: tuple[RuleConfig, ...] = (
        RuleConfig(name="duplicate", where="duplicate"),
        RuleConfig(name="still", where="motion < 0.03", kinds=("video",)),
        RuleConfig(name="silence", where="silence > 0.98"),
    )
    """What to drop."""

    @model_validator(mode="after")
    def _named_once(self) -> FilterConfig:
        for what, named in (("rules", self.rules), ("heads", self.heads)):
            names = [one.name for one in named]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"two {what} have the name {twice}; names tell them apart in counts and columns")
        return self
