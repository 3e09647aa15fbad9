"""The `harvest` section of the pipeline file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vidal.engine.config import Section
from vidal.harvest.screening.config import ScreenConfig

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,30}$",
        description="How the source is named; the first part of every sample's id.",
    ),
]


class PeerTubeConfig(Section):
    """A PeerTube site: searched through its REST API, downloaded with yt-dlp."""

    type: Literal["peertube"]
    name: Name
    url: str = Field(pattern=r"^https?://")
    """The site's address, such as `https://peertube.example`."""
    results: int = Field(20, ge=1)
    """Most results taken for a term."""


class FreesoundConfig(Section):
    """Freesound's API v2: searched with a token from the environment, downloaded as its high-quality previews."""

    type: Literal["freesound"]
    name: Name
    url: str = Field("https://freesound.org", pattern=r"^https?://")
    """The site's address."""
    token_env: str = "FREESOUND_API_KEY"
    """The environment variable that holds the API token."""
    results: int = Field(20, ge=1)
    """Most results taken for a term."""


class LocalConfig(Section):
    """A folder of clips and sounds. Texts come from `<name>.json` beside a file (title, hashtags, description,
    captions, licence) or `<name>.txt` (the title); a file without either is named by its own name."""

    type: Literal["local"]
    name: Name
    path: str
    """The folder, relative to the pipeline file."""


SourceConfig = Annotated[PeerTubeConfig | FreesoundConfig | LocalConfig, Field(discriminator="type")]


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
    read_timeout: float = Field(20.0, gt=0)
    """Seconds allowed to connect, and between two reads of a download."""
    timeout: float = Field(120.0, gt=0)
    """Seconds allowed for decoding one file."""


class HarvestConfig(Section):
    """Where candidates come from, which are fetched, and what is made of their media."""

    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    """Sites and folders."""
    screen: ScreenConfig = ScreenConfig()
    media: MediaConfig = MediaConfig()
