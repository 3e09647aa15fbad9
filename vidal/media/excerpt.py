"""Frames and sound of a file of any known format and length, or of a part of it.

The file is surveyed in a process of the sandbox first, which tells where its pictures lie; what is looked at is then
decoded here, from the nearest key picture on, so that a long film costs what its few frames cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vidal.engine.errors import SampleError
from vidal.media.limits import MediaLimits
from vidal.media.sandbox import ask
from vidal.media.source import open_source

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

LIMITS = MediaLimits(max_seconds=6 * 3600.0, max_fps=120.0, timeout_s=600.0)
"""Of a file that is looked at: a film, where a build takes clips."""
SOUND_SECONDS = 1800.0
"""Longest sound that is decoded at once: 0.35 GB at 48 kHz, and as much again while its pieces are put together."""
AHEAD_S = 4.0
"""Up to so many seconds to the next picture, those between are decoded rather than passed over."""
EXACT_S = 1e-3
"""How far apart two instants of one picture may be: the survey rounds, and so do some containers."""

Part = tuple[float, float] | None
"""From and to in seconds; None for all."""


def decode_pictures(
    path: Path, choose: Callable[[int], np.ndarray], part: Part = None, limits: MediaLimits = LIMITS
) -> np.ndarray:
    """Pictures of a file, upright: uint8 [n, H, W, 3] RGB. `choose` is told how many the part holds and names those it
    wants by number, in ascending order.

    SampleError as `vidal.media.probe.survey`, `NoVideo`, or `TooShort` where no picture lies in the part.
    """
    found = _surveyed(path, limits)
    if found.video_index is None:
        raise SampleError("NoVideo", "a sound without a picture")
    instants = np.asarray(found.instants)
    inside = instants[_within(instants, part)]
    if not len(inside):
        raise SampleError("TooShort", f"no picture between {part[0]:g} and {part[1]:g} s")
    wanted = inside[choose(len(inside))]
    return np.stack(list(_decoding(path, limits, lambda source: _pictures(source, found, wanted))))


def decode_sound(path: Path, part: Part = None, limits: MediaLimits = LIMITS) -> tuple[np.ndarray, int]:
    """The first channel of a file's sound as float32 [n] in -1..1, and its rate in Hz.

    SampleError as `vidal.media.probe.survey`, `NoAudio`, `TooLong` beyond SOUND_SECONDS, or `TooShort` where no sound
    lies in the part.
    """
    found = _surveyed(path, limits)
    if found.audio_index is None:
        raise SampleError("NoAudio", "pictures without a sound")
    first, last = part or (0.0, found.probe.seconds)
    if min(last, found.probe.seconds) - first > SOUND_SECONDS:
        raise SampleError("TooLong", f"a sound of more than {SOUND_SECONDS:g} s; name a part of it by `seconds`")
    rate = found.probe.sample_rate
    pieces = _decoding(path, limits, lambda source: _sound(source, found.audio_index, rate, part))
    wave = np.concatenate(list(pieces) or [np.zeros(0, np.float32)])
    if not len(wave):
        raise SampleError("TooShort", f"no sound between {first:g} and {last:g} s")
    return wave, rate


def _surveyed(path: Path, limits: MediaLimits) -> Any:
    if not path.is_file():
        raise SampleError("NotMedia", "no regular file")
    return ask("survey", path.absolute(), limits)


def _within(instants: np.ndarray, part: Part) -> np.ndarray:
    if part is None:
        return np.ones(len(instants), bool)
    return (instants >= part[0]) & (instants < part[1])


def _decoding(path: Path, limits: MediaLimits, decode: Callable[[InputContainer], Iterator[Any]]) -> Iterator[Any]:
    """What `decode` makes of the opened file. SampleError `DecodeFailed` for what libav says."""
    import av

    try:
        with open_source(path, limits) as source:
            yield from decode(source)
    except (av.FFmpegError, ValueError) as error:
        raise SampleError("DecodeFailed", f"it does not decode: {error}") from None


def _pictures(source: InputContainer, found: Any, wanted: np.ndarray) -> Iterator[np.ndarray]:
    track = source.streams[found.video_index]
    track.thread_count, track.codec_context.options = 1, {"max_pixels": str(LIMITS.max_pixels)}
    walk = _Walk(source, track)
    offset = walk.here - found.instants[0]
    for instant in wanted:
        yield _upright(walk.to(offset + instant))


class _Walk:
    """The pictures of a track, in order of their instants, and how to reach a later one."""

    def __init__(self, source: InputContainer, track: VideoStream) -> None:
        self._source, self._track = source, track
        self._frames = source.decode(track)
        self._frame = self._next()
        if self._frame is None:
            raise SampleError("DecodeFailed", "no picture decodes")

    @property
    def here(self) -> float:
        """The instant of the picture reached, in seconds on the container's clock."""
        return _instant(self._frame)

    def to(self, instant: float) -> VideoFrame:
        """The picture at an instant no earlier than the one reached: the first that is not before it, or the last."""
        if instant - self.here > AHEAD_S:
            self._leap(instant)
        while self.here < instant - EXACT_S and (found := self._next()) is not None:
            self._frame = found
        return self._frame

    def _leap(self, instant: float) -> None:
        """Go on from the key picture before an instant; where the container finds none, from where it was."""
        before = self.here
        for target in (instant, before):
            self._source.seek(int(target / self._track.time_base), stream=self._track)
            self._frames = self._source.decode(self._track)
            found = self._next()
            if found is not None and _instant(found) <= target + EXACT_S:
                self._frame = found
                return
        raise SampleError("DecodeFailed", f"the pictures around {instant:.1f} s cannot be reached")

    def _next(self) -> VideoFrame | None:
        return next((frame for frame in self._frames if frame.pts is not None), None)


def _instant(frame: VideoFrame) -> float:
    return float(frame.pts * frame.time_base)


def _upright(frame: VideoFrame) -> np.ndarray:
    return np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))


def _sound(source: InputContainer, number: int, rate: int, part: Part) -> Iterator[np.ndarray]:
    import av

    track = source.streams[number]
    start = float((track.start_time or 0) * track.time_base)
    first, last = (start + part[0], start + part[1]) if part else (start, float("inf"))
    if part and part[0] > 0:
        source.seek(int(first / track.time_base), stream=track)
    plain = av.AudioResampler(format="fltp", rate=rate)
    for frame in source.decode(track):
        begun = first if frame.pts is None else float(frame.pts * frame.time_base)
        if begun >= last:
            return
        wave = np.concatenate([out.to_ndarray()[0] for out in plain.resample(frame)] or [np.zeros(0, np.float32)])
        skipped, kept = (
            max(0, round((edge - begun) * rate)) if edge < float("inf") else None for edge in (first, last)
        )
        yield wave[skipped if part else 0 : kept]
