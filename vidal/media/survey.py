"""Read an untrusted file with libav. Only the processes of the sandbox do."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidal.engine.errors import SampleError
from vidal.media.codecs import check_codec
from vidal.media.facts import Probe, Survey
from vidal.media.limits import MediaLimits
from vidal.media.source import open_source, too_many_tracks

if TYPE_CHECKING:
    from av import AudioStream, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.stream import Stream

# Containers that state their length once, at the front; the others' length is an index, read from the end, or a guess.
LENGTH_IN_HEADER = {"matroska,webm", "flv"}
HEADER_TOLERANCE_S = 1.0
# By how much the lengths of a track's packets may pass its span before it is a chain of several.
CHAIN_TOLERANCE_S = 1.0
# What libav says of `max_streams`, and of pictures beyond `max_pixels` or its own limits.
TRACKS_EXCEEDED = "max_streams"
SIZE_REFUSED = re.compile(r"Picture size (\d+)x(\d+) ")


class Timeline:
    """Where the packets of one track lie, in seconds on the container's clock."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.end = float("-inf")
        self.total = 0.0

    def add(self, start: float, duration: float) -> None:
        self.starts.append(start)
        self.end = max(self.end, start + duration)
        self.total += duration

    def span(self) -> tuple[float, float]:
        """First instant and end; where the last packet states no duration, it lasts as long as the average one."""
        first, last = min(self.starts), max(self.starts)
        typical = (last - first) / (len(self.starts) - 1) if len(self.starts) > 1 else 0.0
        return first, max(self.end, last + typical if self.end <= last else self.end)

    def chain(self) -> tuple[float, float]:
        """The span of a sound; where a file is several in a row, each with a clock of its own, all of them count."""
        first, end = self.span()
        return first, first + self.total if self.total > end - first + CHAIN_TOLERANCE_S else end


def read_file(path: Path, limits: MediaLimits) -> Survey:
    """Measure a file in this process; see `vidal.media.probe.survey`, which fills in size and hash.

    SampleError as there; MemoryError where the process has too little for it.
    """
    import av.logging

    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    with av.logging.Capture() as logs:
        try:
            return _read_file(path, limits)
        except (SampleError, MemoryError) as error:
            raise _named(error, [message for _, _, message in logs], limits) from None
        finally:
            av.logging.set_level(None)


def _read_file(path: Path, limits: MediaLimits) -> Survey:
    import av

    with open_source(path, limits) as container:
        try:
            return _survey(container, limits, path.stat().st_size)
        except MemoryError:
            raise
        except av.FFmpegError as error:
            raise SampleError("DecodeFailed", f"{container.format.name}: {error.strerror}") from None


def _named(error: Exception, said: list[str], limits: MediaLimits) -> Exception:
    """The error, or the limit that libav's complaints name as its cause."""
    if isinstance(error, MemoryError) and any(TRACKS_EXCEEDED in message for message in said):
        return too_many_tracks(limits)
    if isinstance(error, SampleError) and error.error_class == "DecodeFailed":
        for width, height in SIZE_REFUSED.findall(" ".join(said)):
            try:
                _check_pixels(int(width), int(height), limits)
            except SampleError as too_many:
                return too_many
    return error


def count_pictures(path: Path, limits: MediaLimits) -> int:
    """Number of pictures of an mp4, as its index states it."""
    with open_source(path, limits) as container:
        return sum(stream.frames for stream in container.streams.video)


def _survey(container: InputContainer, limits: MediaLimits, size: int) -> Survey:
    from av.stream import Disposition

    tracks = [s for s in container.streams if s.codec_context and not s.disposition & Disposition.attached_pic]
    video = next((s for s in tracks if s.type == "video"), None)
    audio = next((s for s in tracks if s.type == "audio"), None)
    if video is None and audio is None:
        raise SampleError("NotMedia", f"{container.format.name} without a picture or a sound track")
    _check_tracks(video, audio, limits)
    _check_index(container, tracks, size)
    pictures, sounds, first = _read(container, video, audio, limits)
    spans = [span() for track, span in ((pictures, pictures.span), (sounds, sounds.chain)) if track.starts]
    if not spans:
        raise SampleError("Truncated", f"{container.format.name} without a single packet")
    start, end = min(s for s, _ in spans), max(e for _, e in spans)
    _check_length(end - start, limits)
    _check_header(container, end - start)
    video, audio = video if pictures.starts else None, audio if sounds.starts else None
    width = height = rotation = fps = None
    if video is not None:
        width, height, rotation = _display(first, video.sample_aspect_ratio or Fraction(1))
        first_instant, last_instant = pictures.span()
        fps = round(len(pictures.starts) / max(last_instant - first_instant, 1e-3), 3)
    return Survey(
        Probe(
            container=container.format.name,
            video_codec=video and video.codec_context.codec.canonical_name,
            audio_codec=audio and audio.codec_context.codec.canonical_name,
            width=width,
            height=height,
            rotation=rotation,
            fps=fps,
            seconds=round(end - start, 6),
            frames=len(pictures.starts) if video else None,
            sample_rate=audio and audio.sample_rate,
            channels=audio and audio.channels,
            bytes=size,
            sha256="",
        ),
        video_index=video and video.index,
        audio_index=audio and audio.index,
        instants=[round(instant - start, 6) for instant in sorted(pictures.starts)],
    )


def _read(
    container: InputContainer, video: VideoStream | None, audio: AudioStream | None, limits: MediaLimits
) -> tuple[Timeline, Timeline, VideoFrame | None]:
    """Walk the packets of both tracks, stopping at the first that passes a limit; one without data (a picture that
    Ogg or AVI repeats) is none."""
    pictures, sounds, first = Timeline(), Timeline(), None
    tracks = {s.index: track for s, track in ((video, pictures), (audio, sounds)) if s is not None}
    most = limits.max_fps * limits.max_seconds
    earliest, latest = float("inf"), float("-inf")
    for packet in container.demux([s for s in (video, audio) if s is not None]):
        if packet.is_corrupt:
            raise SampleError("Truncated", f"the data of packet {len(pictures.starts)} are cut short")
        if video is not None and first is None and packet.stream_index == video.index:
            first = next(iter(packet.decode()), None)
        instant = packet.dts if packet.pts is None else packet.pts
        if instant is None or packet.is_discard or not packet.size:
            continue
        start = float(instant * packet.time_base)
        track = tracks[packet.stream_index]
        track.add(start, float((packet.duration or 0) * packet.time_base))
        earliest, latest = min(earliest, start), max(latest, track.end)
        _check_length(latest - earliest, limits)
        if len(pictures.starts) > most:
            raise SampleError("TooManyPictures", f"more than {most:g} pictures")
    if video is not None and pictures.starts and first is None:
        raise SampleError("DecodeFailed", f"no picture of the {video.codec_context.name} track decodes")
    if first is not None:
        _check_pixels(first.width, first.height, limits)
    return pictures, sounds, first


def _check_tracks(video: VideoStream | None, audio: AudioStream | None, limits: MediaLimits) -> None:
    """Refuse by what the header states, before a packet is read."""
    for track in filter(None, (video, audio)):
        check_codec(track.type, track.codec_context.codec.canonical_name)
    if video is not None:
        _check_pixels(video.width, video.height, limits)
    if audio is not None and (audio.channels > limits.max_channels or audio.sample_rate > limits.max_sample_rate):
        raise SampleError("SoundRefused", f"a sound of {audio.channels} channels at {audio.sample_rate:,} Hz")


def _check_length(seconds: float, limits: MediaLimits) -> None:
    if seconds > limits.max_seconds:
        raise SampleError("TooLong", f"longer than the limit of {limits.max_seconds:g} s")


def _check_pixels(width: int, height: int, limits: MediaLimits) -> None:
    if width * height > limits.max_pixels:
        raise SampleError("TooManyPixels", f"a picture of {width}x{height}; the limit is {limits.max_pixels:,} pixels")


def _check_index(container: InputContainer, tracks: list[Stream], size: int) -> None:
    """Refuse an mp4 whose index names bytes beyond the file's end."""
    if container.format.name.startswith("mov"):
        end = max((entry.pos + entry.size for track in tracks for entry in track.index_entries), default=0)
        if end > size:
            raise SampleError("Truncated", f"the index reaches byte {end:,} of a file of {size:,} bytes")


def _check_header(container: InputContainer, seconds: float) -> None:
    """Refuse a file that ends before its header says."""
    stated = (container.duration or 0) / 1e6
    if container.format.name in LENGTH_IN_HEADER and stated > seconds + HEADER_TOLERANCE_S:
        raise SampleError("Truncated", f"the header states {stated:.1f} s, the data end after {seconds:.1f} s")


def _display(frame: VideoFrame, pixel_aspect: Fraction) -> tuple[int, int, int]:
    """Width, height and clockwise rotation of the picture as a player shows it."""
    rotation = -frame.rotation % 360
    width = max(1, round(frame.width * pixel_aspect))
    return (frame.height, width, rotation) if rotation in (90, 270) else (width, frame.height, rotation)
