"""What is known of a media file once it has been measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Probe:
    """Facts of a media file; None where the track they speak of is absent.

    `width` and `height` are the displayed picture's (rotation and pixel aspect applied), `rotation` the degrees
    clockwise (0 to 359) a player turns the stored picture by, `fps` the average, `seconds` the span of the packets of
    the picture and the sound together, `frames` the number of pictures, `sample_rate` in Hz.
    """

    container: str
    video_codec: str | None
    audio_codec: str | None
    width: int | None
    height: int | None
    rotation: int | None
    fps: float | None
    seconds: float
    frames: int | None
    sample_rate: int | None
    channels: int | None
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Survey:
    """A probe, and what normalisation needs besides: the numbers of the streams it reads, and the instants of the
    pictures in display order, in seconds from the first packet of either track."""

    probe: Probe
    video_index: int | None
    audio_index: int | None
    instants: list[float]
