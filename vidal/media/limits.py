"""What a source may cost, and what a normalised clip looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Keyframes = Literal["linspace", "left-edge"]


@dataclass(frozen=True)
class MediaLimits:
    """What a source may ask of us before it is refused.

    `max_tracks` counts all that a container holds: pictures, sounds, subtitles, attachments, data. `max_fps` bounds the
    number of pictures, as `max_fps * max_seconds`; 480 is the rate of slow motion on telephones, doubled.
    """

    max_seconds: float = 20.0
    max_pixels: int = 3840 * 2160
    max_bytes: int = 200_000_000
    timeout_s: float = 120.0
    max_tracks: int = 32
    max_fps: float = 480.0
    max_channels: int = 16
    max_sample_rate: int = 384_000


@dataclass(frozen=True)
class MediaSettings:
    """What normalisation writes: sizes in pixels, rate in Hz, x264's `crf` and `preset`, JPEG quality 1 to 95.

    `keyframes` is `linspace` (frames evenly spread from the first to the last) or `left-edge` (the first frame of each
    of `frames` equal spans).
    """

    short_side: int = 256
    frames: int = 8
    keyframes: Keyframes = "linspace"
    sample_rate: int = 16000
    crf: int = 23
    preset: str = "veryfast"
    jpeg_quality: int = 90
