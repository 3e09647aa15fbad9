"""The `caption` section of the pipeline file."""

from __future__ import annotations

from pydantic import Field

from vidal.engine.config import Section


class CaptionerConfig(Section):
    """A captioner by the name of its checkpoint."""

    checkpoint: str
    """A Hugging Face id, a folder, or `demo:NAME`."""


class RefineConfig(Section):
    """Refinement through any endpoint that speaks OpenAI's chat completions."""

    url: str = Field("https://api.openai.com/v1", pattern=r"^https?://")
    """The endpoint, with its version path."""
    model: str
    """The model's name at the endpoint."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    prompt: str = "vidal:prompts/refine.j2"
    """A Jinja template that is given `title`, `hashtags`, `video_caption` and `frame_captions`."""
    max_tokens: int = Field(300, ge=1)
    """Most tokens of an answer."""
    requests: int = Field(8, ge=1)
    """Requests in flight per worker."""


class CaptionConfig(Section):
    """Which text views to write. A section left out is a view not made."""

    keyframes: CaptionerConfig | None = None
    """One caption per keyframe (`ofa`)."""
    video: CaptionerConfig | None = None
    """One caption per clip (`mplug`), helped by title and hashtags where the checkpoint takes a prompt."""
    refine: RefineConfig | None = None
    """The video caption refined (`polish_mplug`) and told as sound (`sound_mplug`); needs `video`."""
