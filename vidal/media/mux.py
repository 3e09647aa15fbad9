"""Pictures and sound that a site serves apart, in one file."""

from __future__ import annotations

from pathlib import Path

from vidal.engine.errors import SampleError
from vidal.media.ffmpeg import ffmpeg_binary, run_ffmpeg
from vidal.media.limits import MediaLimits
from vidal.media.probe import survey
from vidal.media.source import source_options, source_url

OWN_CLOCK = "mpegts"
"""The container whose clock begins anywhere: it is shared by the tracks of a broadcast, and with no other file."""
LONGEST_S = 86400.0
"""How long a clip may be is for who normalises it to say."""


def mux(pictures: Path, sound: Path, target: Path, max_bytes: int) -> Path:
    """Copy the track of pictures of one file and that of sound of the other into `target`, a Matroska file that
    begins at zero; how they lie to each other is kept where they share a clock. Nothing is encoded.

    Both files, of at most `max_bytes` each, are surveyed first, since the copy of one that is cut short would look
    whole: SampleError as `survey`, and `NotMedia` where the track is missing.
    """
    limits = MediaLimits(max_seconds=LONGEST_S, max_bytes=max_bytes)
    surveys = [survey(path, limits) for path in (pictures, sound)]
    video, audio = surveys[0].video_index, surveys[1].audio_index
    if video is None or audio is None:
        raise SampleError("NotMedia", f"a file said to hold {'pictures' if video is None else 'sound'} holds none")
    options = [word for name, value in source_options(limits).items() for word in (f"-{name}", value)]
    command = [ffmpeg_binary(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    if len({found.probe.container == OWN_CLOCK for found in surveys}) == 1:
        command.append("-copyts")
    for path in (pictures, sound):
        command += [*options, "-i", source_url(path)]
    command += ["-map", f"0:{video}", "-map", f"1:{audio}", "-c", "copy", "-map_metadata", "-1"]
    command += ["-avoid_negative_ts", "make_zero", "-fflags", "+bitexact", "-f", "matroska", source_url(target)]
    run_ffmpeg(command, limits.timeout_s)
    return target
