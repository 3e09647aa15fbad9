"""The `caption` section of the pipeline file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from vidal.caption.llm.config import EndpointConfig
from vidal.engine.config import Section


class SeeingConfig(EndpointConfig):
    """A model that sees, behind any endpoint that speaks OpenAI's chat completions."""

    max_tokens: int = Field(150, ge=1)
    """Most tokens of an answer."""
    detail: Literal["low", "high", "auto"] | None = None
    """How closely to look, for endpoints that price pictures by it; the endpoint's choice where absent."""
    language: str = "en"
    """The language of the captions (ISO 639-1)."""
    max_words: int = Field(60, ge=5)
    """Most words of a caption."""


class CaptionerConfig(Section):
    """A captioner by the name of its checkpoint, or behind an endpoint."""

    checkpoint: str | None = None
    """A Hugging Face id, a folder, or `demo:NAME`; in place of `endpoint`."""
    endpoint: SeeingConfig | None = None
    """A model behind an endpoint; in place of `checkpoint`."""
    prompt: str | None = None
    """A text file with what is asked, beside the pipeline file or `vidal:prompts/…`, where it should differ from the
    model's own. Its lines with `{hints}` are given title and hashtags of a clip."""
    max_tokens: int | None = Field(None, ge=1)
    """Most tokens of a caption of a checkpoint; its own limit, or 128, where absent."""
    compat: bool = False
    """OFA alone: end the beam search as the original does."""

    @model_validator(mode="after")
    def _one_author(self) -> CaptionerConfig:
        if (self.checkpoint is None) == (self.endpoint is None):
            raise ValueError("give either a checkpoint or an endpoint, and not both")
        if self.endpoint and (self.max_tokens or self.compat):
            raise ValueError("max_tokens of an endpoint stands in its own section, and compat is for checkpoints")
        return self


class RefineConfig(EndpointConfig):
    """Refinement through any endpoint that speaks OpenAI's chat completions."""

    prompt: str = "vidal:prompts/refine.j2"
    """A Jinja template of the instructions, which is given `language`, `max_words` and `keyframes`: whether there are
    captions of keyframes. What is known of the sample follows as JSON."""
    language: str = "en"
    """The language of the views (ISO 639-1)."""
    max_words: int = Field(80, ge=5)
    """Most words of a view."""


class CaptionConfig(Section):
    """Which text views to write. A section left out is a view not made."""

    keyframes: CaptionerConfig | None = None
    """One caption per keyframe (`ofa`)."""
    video: CaptionerConfig | None = None
    """One caption per clip (`mplug`), helped by title and hashtags where the model takes a prompt."""
    refine: RefineConfig | None = None
    """The video caption refined (`polish_mplug`) and told as sound (`sound_mplug`); needs `video`."""
