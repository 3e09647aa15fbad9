"""Encode a clip from frames and samples, the same bytes for the same input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from av import AudioFrame

ClipCodec = Literal["h264", "vp9"]

OPUS_RATE = 48000
NOTHING: Mapping[str, str] = {}
CONTAINERS = {"h264": "mp4", "vp9": "webm"}
VIDEO_ENCODERS = {"h264": "libx264", "vp9": "libvpx-vp9"}
AUDIO_ENCODERS = {"h264": "aac", "vp9": "libopus"}
# x264's macroblock tree gives other bytes from run to run, even with one thread (libx264 as built into PyAV 18,
# x86 assembly); without it the stream repeats exactly.
MBTREE_OFF = "mbtree=0"
VIDEO_OPTIONS = {
    "h264": {"preset": "veryfast", "crf": "23", "x264-params": MBTREE_OFF},
    "vp9": {"deadline": "realtime", "cpu-used": "8", "row-mt": "0", "lag-in-frames": "0", "crf": "34", "b": "0"},
}
CONTAINER_OPTIONS = {
    "h264": {"fflags": "+bitexact", "movflags": "+faststart"},
    "vp9": {"fflags": "+bitexact"},
}


def write_clip(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float,
    audio: np.ndarray | None = None,
    rate: int = 16000,
    codec: ClipCodec = "h264",
    options: Mapping[str, str] = NOTHING,
) -> Path:
    """Write `frames` (uint8 [H, W, 3] RGB, even sizes, at least one) and `audio` (float32 [n] or [n, 2] in -1..1 at
    `rate` Hz, or None) to `path` and return it.

    `h264` gives H.264 and AAC in mp4, `vp9` gives VP9 and Opus (48 kHz) in webm, whatever the name of `path`;
    `options` go to the picture encoder beside its own.
    One encoder thread and no tags, so that the bytes depend on the arguments and the library versions only.
    """
    import av

    frames = iter(frames)
    first = next(frames)
    height, width = first.shape[:2]
    if width % 2 or height % 2:
        raise ValueError(f"a clip of {width}x{height} cannot be 4:2:0; give even sizes")
    frame_rate = Fraction(fps).limit_denominator(1001)
    path = Path(path)
    with av.open(path, "w", format=CONTAINERS[codec], options=CONTAINER_OPTIONS[codec]) as out:
        video = out.add_stream(VIDEO_ENCODERS[codec], rate=frame_rate, options={**VIDEO_OPTIONS[codec], **options})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.thread_count = 1
        video.codec_context.flags |= av.codec.context.Flags.bitexact
        sounds = iter(())
        if audio is not None:
            layout = "mono" if audio.ndim == 1 else "stereo"
            encoded_rate = OPUS_RATE if codec == "vp9" else rate
            sound = out.add_stream(AUDIO_ENCODERS[codec], rate=encoded_rate, layout=layout)
            sound.codec_context.flags |= av.codec.context.Flags.bitexact
            sounds = audio_frames(audio, rate)
        for index, rgb in enumerate(chain([first], frames)):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            picture.pts, picture.time_base = index, 1 / frame_rate
            out.mux(video.encode(picture))
            for samples in sounds:
                out.mux(sound.encode(samples))
                if samples.pts >= rate * index / frame_rate:
                    break
        for samples in sounds:
            out.mux(sound.encode(samples))
        out.mux(video.encode(None))
        if audio is not None:
            out.mux(sound.encode(None))
    return path


def audio_frames(audio: np.ndarray, rate: int, length: int = 1024) -> Iterator[AudioFrame]:
    """Cut float samples [n] or [n, channels] into PyAV frames of `length` samples with their timestamps."""
    import av

    planes = np.ascontiguousarray(np.atleast_2d(audio.T), dtype=np.float32)
    layout = "mono" if planes.shape[0] == 1 else "stereo"
    for start in range(0, planes.shape[1], length):
        chunk = np.ascontiguousarray(planes[:, start : start + length])
        frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame
