"""Frames of a clip that lies in memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from vidal.engine.errors import SampleError
from vidal.media.limits import MediaLimits
from vidal.media.source import source_options

if TYPE_CHECKING:
    from av.container import InputContainer


def decode_frames(data: bytes, choose: Callable[[int], np.ndarray], limits: MediaLimits | None = None) -> np.ndarray:
    """Frames of an mp4 as uint8 [n, H, W, 3] RGB: those that `choose` names of so many, by number, in order.

    SampleError `NoVideo`, `TooManyPixels`, `TooLong` for more pictures than the limits allow, or `DecodeFailed`, also
    where fewer pictures decode than are needed.
    """
    import av

    limits = limits or MediaLimits()
    try:
        with av.open(io.BytesIO(data), format="mp4", options=source_options(limits)) as container:
            return _frames(container, choose, limits)
    except (av.FFmpegError, ValueError) as error:
        raise SampleError("DecodeFailed", f"{len(data)} bytes of mp4 that do not decode: {error}") from None


def _frames(container: InputContainer, choose: Callable[[int], np.ndarray], limits: MediaLimits) -> np.ndarray:
    if not container.streams.video:
        raise SampleError("NoVideo", "an mp4 without a picture")
    track = container.streams.video[0]
    if track.width * track.height > limits.max_pixels:
        raise SampleError("TooManyPixels", f"a picture of {track.width}x{track.height} pixels")
    track.thread_count, track.codec_context.options = 1, {"max_pixels": str(limits.max_pixels)}
    total = track.frames
    if not 0 < total <= limits.max_fps * limits.max_seconds:
        raise SampleError("TooLong", f"an mp4 of {total} pictures")
    wanted = choose(total)
    last, found = int(wanted.max()), {}
    for number, frame in enumerate(container.decode(track)):
        if number in wanted:
            found[number] = frame.to_ndarray(format="rgb24")
        if number == last:
            return np.stack([found[number] for number in wanted])
    raise SampleError("DecodeFailed", f"an mp4 of {total} pictures that ends before number {last}")
