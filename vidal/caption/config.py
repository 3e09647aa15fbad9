"""The `caption` section of the pipeline file."""

from __future__ import annotations

from pydantic import Field

from vidal.caption.llm.config import EndpointConfig
from vidal.engine.config import Section


class CaptionerConfig(Section):
    """A captioner by the name of its checkpoint."""

    checkpoint: str
    """A Hugging Face id, a folder, or `demo:NAME`."""


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
    """One caption per clip (`mplug`), helped by title and hashtags where the checkpoint takes a prompt."""
    refine: RefineConfig | None = None
    """The video caption refined (`polish_mplug`) and told as sound (`sound_mplug`); needs `video`."""
