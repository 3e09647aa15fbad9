"""Pictures and sound that a site serves apart, in one file."""

from __future__ import annotations

from pathlib import Path

from vidal.media.ffmpeg import ffmpeg_binary, run_ffmpeg
from vidal.media.limits import MediaLimits
from vidal.media.source import source_options, source_url


def mux(pictures: Path, sound: Path, target: Path, limits: MediaLimits | None = None) -> Path:
    """Copy the first track of pictures of one file and the first of sound of the other into `target`, a Matroska file.

    Nothing is decoded. SampleError `DecodeFailed` or `DecodeTimeout` where one of them cannot be read.
    """
    limits = limits or MediaLimits()
    options = [word for name, value in source_options(limits).items() for word in (f"-{name}", value)]
    command = [ffmpeg_binary(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    for path in (pictures, sound):
        command += [*options, "-i", source_url(path)]
    command += ["-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-fflags", "+bitexact", "-f", "matroska", str(target)]
    run_ffmpeg(command, limits.timeout_s)
    return target
