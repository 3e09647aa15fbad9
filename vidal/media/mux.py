"""Pictures and sound that a site serves apart, in one file."""

from __future__ import annotations

from pathlib import Path

from vidal.engine.errors import SampleError
from vidal.media.ffmpeg import ffmpeg_binary, run_ffmpeg
from vidal.media.limits import MediaLimits
from vidal.media.probe import survey
from vidal.media.source import source_options, source_url

LONGEST_S = 86400.0
"""How long a clip may be is for who normalises it to say."""


def mux(pictures: Path, sound: Path, target: Path, max_bytes: int) -> Path:
    """Copy the track of pictures of one file and that of sound of the other into `target`, a Matroska file, at the
    instants they have. Nothing is encoded.

    Both files, of at most `max_bytes` each, are surveyed first, since the copy of one that is cut short would look
    whole: SampleError as `survey`, and `NotMedia` where the track is missing.
    """
    limits = MediaLimits(max_seconds=LONGEST_S, max_bytes=max_bytes)
    video, audio = survey(pictures, limits).video_index, survey(sound, limits).audio_index
    if video is None or audio is None:
        raise SampleError("NotMedia", f"a file said to hold {'pictures' if video is None else 'sound'} holds none")
    options = [word for name, value in source_options(limits).items() for word in (f"-{name}", value)]
    command = [ffmpeg_binary(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-copyts"]
    for path in (pictures, sound):
        command += [*options, "-i", source_url(path)]
    command += ["-map", f"0:{video}", "-map", f"1:{audio}", "-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact"]
    run_ffmpeg([*command, "-f", "matroska", source_url(target)], limits.timeout_s)
    return target
