"""The `harvest` section of the pipeline file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vidal.engine.config import Section
from vidal.harvest.network.config import NetworkConfig
from vidal.harvest.screening.config import RankConfig, ScreenConfig
from vidal.harvest.sources import sections

if TYPE_CHECKING:
    SourceConfig = Any
else:
    SourceConfig = sections()


class MediaConfig(Section):
    """What every later step sees of a clip."""

    short_side: int = Field(256, ge=32, multiple_of=2)
    """Short side of the clip and its keyframes, in pixels."""
    keyframes: Literal["linspace", "left-edge"] = "linspace"
    """Instants of the 8 keyframes: spread over the clip as the trainer does, or as the original's generators did."""
    max_seconds: float = Field(20.0, gt=0)
    """Longest clip or sound, as measured."""
    max_megabytes: float = Field(200.0, gt=0)
    """Largest file fetched."""
    timeout: float = Field(120.0, gt=0)
    """Seconds allowed for decoding one file."""


class UploaderConfig(Section):
    """What is kept of who uploaded a clip or a sound."""

    keep: Literal["names", "hashes", "nothing"] = "names"
    """`names` and ids as the site states them, keyed `hashes` of both by which a take-down still finds them, or
    nothing."""
    key_env: str = "VIDAL_UPLOADER_KEY"
    """The environment variable that holds the secret key of the hashes."""


class HarvestConfig(Section):
    """Where candidates come from, which are fetched, and what is made of their media."""

    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    """Sites, folders and lists."""
    network: NetworkConfig = NetworkConfig()
    uploaders: UploaderConfig = UploaderConfig()
    rank: RankConfig = RankConfig()
    screen: ScreenConfig = ScreenConfig()
    media: MediaConfig = MediaConfig()
